"""The pages for machines: alive, ready, metrics, and the static files."""

from __future__ import annotations

import mimetypes
from importlib.resources import files

from aiohttp import web

from dashboard.site.render import static_path
from dashboard.site.state import STATE
from stream.ops.status_server import health_answer, metrics_page

STATIC_NAMES = ("dashboard.css", "dashboard.js", "icon.svg")
YEAR = "public, max-age=31536000, immutable"


async def livez(_request: web.Request) -> web.Response:
    return health_answer(None)


async def readyz(request: web.Request) -> web.Response:
    """Ready when pages show the present: Kafka answers, and history has been read."""
    return health_answer(request.app[STATE].watch.not_ready)


async def serve_static(request: web.Request) -> web.Response:
    """Serve one of the files that are there; the address says which content is meant."""
    name = request.match_info["name"]
    if name not in STATIC_NAMES or request.path != static_path(name):
        raise web.HTTPNotFound(text="There is no such file.")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    body = (files("dashboard") / "static" / name).read_bytes()
    return web.Response(body=body, content_type=kind, headers={"Cache-Control": YEAR})


ROUTES = (
    web.get("/livez", livez),
    web.get("/readyz", readyz),
    web.get("/metrics", metrics_page),
    web.get("/static/{digest}/{name}", serve_static),
)
