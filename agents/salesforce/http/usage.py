"""The `Sforce-Limit-Info` header: how many of the day's API calls are used.

    api-usage=18/5000
    api-usage=18/5000; per-app-api-usage=17/250(appName=orderstream)
    api-usage=10018/100000; api-bursts=1/750

Read by name, never by position: the header has grown before (REST API guide, Limit Info Header).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PART = re.compile(r"([a-z][a-z-]*)=(\d+)/(\d+)(?:\(appName=([^)]*)\))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Usage:
    """API calls of the last 24 hours. `app_*` count this app alone, where the org limits it."""

    used: int
    limit: int
    app_used: int | None = None
    app_limit: int | None = None

    @property
    def has_calls_left(self) -> bool:
        """Whether neither the org nor this app has made all the calls it may."""
        is_app_spent = self.app_limit is not None and (self.app_used or 0) >= self.app_limit
        return self.used < self.limit and not is_app_spent


def read_usage(header: str) -> Usage | None:
    """Return the usage, or None when the header is missing or says nothing about the org."""
    parts = {m[1].lower(): (int(m[2]), int(m[3])) for m in PART.finditer(header)}
    if "api-usage" not in parts:
        return None
    used, limit = parts["api-usage"]
    app = parts.get("per-app-api-usage", (None, None))
    return Usage(used, limit, *app)
