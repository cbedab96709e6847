"""The small web server of worker, relay and lag exporter: /livez, /readyz, /metrics.

The ingress serves the same three beside its webhook; everything else that runs uses this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stream.http.app_server import app_server
from stream.http.route_limits import admission

# Returns what keeps the process from working, or None when it is ready.
NotReady = Callable[[], str | None]

MAX_CONNECTIONS = 64  # a probe and a scraper each use one


@asynccontextmanager
async def status_server(host: str, port: int, *, not_ready: NotReady) -> AsyncIterator[str]:
    """Serve the status pages; yields the base URL (port 0 = any free port)."""
    app = web.Application(middlewares=[admission({})])

    async def livez(_request: web.Request) -> web.Response:
        return health_answer(None)

    async def readyz(_request: web.Request) -> web.Response:
        return health_answer(not_ready())

    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics_page)
    async with app_server(app, host, port, name="status", max_connections=MAX_CONNECTIONS) as url:
        yield url


async def metrics_page(_request: web.Request) -> web.Response:
    """Answer with this process's metrics in the Prometheus text format."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def health_answer(problem: str | None) -> web.Response:
    """Answer a probe: 200, or 503 with the problem."""
    body = {"status": "ok"} if problem is None else {"status": "not ready", "reason": problem}
    return web.Response(
        body=orjson.dumps(body),
        status=200 if problem is None else 503,
        content_type="application/json",
    )
