"""The small web server of worker and relay: /livez, /readyz, /metrics.

The ingress serves the same three beside its webhook; everything else that runs uses this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

# Returns what keeps the process from working, or None when it is ready.
NotReady = Callable[[], str | None]


@asynccontextmanager
async def status_server(
    host: str, port: int, *, not_ready: NotReady, is_alive: Callable[[], bool] = lambda: True
) -> AsyncIterator[str]:
    """Serve the status pages; yields the base URL (port 0 = any free port)."""
    app = web.Application()

    async def livez(_request: web.Request) -> web.Response:
        return _answer(None if is_alive() else "no progress")

    async def readyz(_request: web.Request) -> web.Response:
        return _answer(not_ready())

    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics_page)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    bound_host, bound_port = runner.addresses[0][:2]
    try:
        yield f"http://{bound_host}:{bound_port}"
    finally:
        await runner.cleanup()


async def metrics_page(_request: web.Request) -> web.Response:
    """Answer with this process's metrics in the Prometheus text format."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answer(problem: str | None) -> web.Response:
    body = {"status": "ok"} if problem is None else {"status": "not ready", "reason": problem}
    return web.Response(
        body=orjson.dumps(body),
        status=200 if problem is None else 503,
        content_type="application/json",
    )
