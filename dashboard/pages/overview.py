"""The first screen, lag per partition, and doctor's checks, live."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from dashboard.data.overview import STATE_HELP, overview
from dashboard.site.render import live
from dashboard.site.state import STATE


def _overview(request: web.Request) -> dict[str, Any]:
    state = request.app[STATE]
    values = overview(
        state.watch,
        now_ms=int(time.time() * 1000),
        has_metrics=bool(state.settings.metrics_urls),
    )
    return values | {
        "jobs": state.desk.active,
        "window_days": state.settings.dashboard_window_days,
    }


def _lag(request: web.Request) -> dict[str, Any]:
    snapshot = request.app[STATE].watch.snapshot
    parts = sorted(
        snapshot.partitions if snapshot else (),
        key=lambda part: (-part.lag, part.topic, part.partition),
    )
    return {"snapshot": snapshot, "partitions": parts, "state_help": STATE_HELP}


def _health(request: web.Request) -> dict[str, Any]:
    health = request.app[STATE].health
    health.look()
    counts = {
        name: sum(check.result == name for check in health.checks)
        for name in ("fail", "warn", "skipped", "ok")
    }
    return {"health": health, "counts": counts}


ROUTES = (
    *live("/", "overview", _overview),
    *live("/lag", "lag", _lag),
    *live("/health", "health", _health),
)
