"""Doctor's checks for the page *Health*: made when somebody looks, at most once a minute.

They ask Kafka, the org and the store, so a page that stays open must not cost a call a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog

from agents.doctor.check import Check, CheckResult
from agents.doctor.examine import examine
from stream.config import Role, Settings
from stream.ops.background import ended
from stream.settings.required import missing_settings

log = structlog.get_logger()

FRESH_SECONDS = 60.0
ORDER = (CheckResult.FAIL, CheckResult.WARN, CheckResult.SKIPPED, CheckResult.OK)


class Health:
    """The latest checks. `at_ms` is None until the first were made."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self._done_at = float("-inf")
        self.checks: Sequence[Check] = ()
        self.at_ms: int | None = None
        self.problem = ""

    @property
    def is_looking(self) -> bool:
        return self._task is not None and not self._task.done()

    def look(self) -> None:
        """Begin to look again, unless what is there is fresh or being made."""
        if not self.is_looking and time.monotonic() - self._done_at > FRESH_SECONDS:
            self._task = asyncio.create_task(self._examine())

    async def stop(self) -> None:
        if self._task is not None:
            await ended([self._task])

    async def _examine(self) -> None:
        roles = [Role.DASHBOARD]
        if self._settings.salesforce_client_id.get_secret_value():
            roles.append(Role.SALESFORCE)  # where secrets are given per process it has none
        problems = [line for role in roles for line in missing_settings(self._settings, role)]
        found: list[Check] = []
        try:
            async for area in examine(
                self._settings, problems, roles=roles, env_file=None, is_live=True
            ):
                found += area
        except Exception as error:  # a bug in a check must not leave the page as it was, silently
            log.exception("dashboard_health_failed")
            self.problem = f"the checks ended with {type(error).__name__}; the log says why"
        else:
            self.problem = ""
            self.checks = sorted(found, key=lambda check: ORDER.index(check.result))
            self.at_ms = int(time.time() * 1000)
        self._done_at = time.monotonic()
