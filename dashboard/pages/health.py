"""Doctor's checks, live: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from dashboard.site.render import render
from dashboard.site.state import STATE


async def health_page(request: web.Request) -> web.StreamResponse:
    return render(request, "health.html", **_health(request))


async def health_part(request: web.Request) -> web.StreamResponse:
    return render(request, "health_live.html", **_health(request))


def _health(request: web.Request) -> dict[str, Any]:
    health = request.app[STATE].health
    health.look()
    counts = {
        name: sum(check.result == name for check in health.checks)
        for name in ("fail", "warn", "skipped", "ok")
    }
    return {"health": health, "counts": counts}


ROUTES = (web.get("/health", health_page), web.get("/part/health", health_part))
