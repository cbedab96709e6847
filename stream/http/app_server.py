"""Serves an aiohttp application behind the same guard as the ingress.

| bound | is |
|---|---|
| the request, headers and body | `REQUEST_SECONDS`, else 408 |
| an idle connection | `KEEPALIVE_SECONDS` |
| connections | `max_connections` and the limit of open files; the longest waiting makes room |
| headers | `MAX_HEADERS` of `MAX_HEADER_BYTES` each |
| a body, and the work of a handler | by route (`route_limits`) |

Whatever goes wrong is answered in one sentence: no traceback, no name of the software.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aiohttp import hdrs, web

from stream.http.connection_reaper import GuardedServer
from stream.http.file_limit import room_for
from stream.http.guarded_connection import GuardedAppRequest, GuardedConnection
from stream.http.route_limits import REQUEST_SECONDS

KEEPALIVE_SECONDS = 60.0
CONTINUE = "100-continue"
READ_BUFFER_BYTES = 16 * 1024
SHUTDOWN_SECONDS = 5.0


class GuardedRunner(web.AppRunner):
    """aiohttp's runner of an application, with our server in place of the stock one."""

    def __init__(self, app: web.Application, *, name: str, max_connections: int) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        self._name = name
        self._max_connections = max_connections
        self._guarded: GuardedServer | None = None

    async def _make_server(self) -> web.Server:
        await super()._make_server()
        self._guarded = GuardedServer(
            self._handle,
            name=self._name,
            request_factory=partial(self._app._make_request, _cls=GuardedAppRequest),  # noqa: SLF001 - as its own server gets it
            timeout_seconds=REQUEST_SECONDS,
            keepalive_seconds=KEEPALIVE_SECONDS,
            max_connections=room_for(self._max_connections, server=self._name),
            read_buffer_bytes=READ_BUFFER_BYTES,
        )
        self._guarded.start_sweeping()
        return self._guarded

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        connection: Any = request.protocol
        assert isinstance(connection, GuardedConnection)
        connection.begin()
        try:
            if request.headers.get(hdrs.EXPECT, CONTINUE).lower() != CONTINUE:
                # aiohttp's own answer would quote the sender, and fail for what is no UTF-8.
                return web.Response(status=417, text="Nothing but 100-continue is expected here.\n")
            return await self._app._handle(request)  # noqa: SLF001 - as its own server does
        finally:
            connection.rest()

    async def _cleanup_server(self) -> None:
        if self._guarded is not None:
            self._guarded.stop_sweeping()
        await super()._cleanup_server()


@asynccontextmanager
async def app_server(
    app: web.Application, host: str, port: int, *, name: str, max_connections: int
) -> AsyncIterator[str]:
    """Serve an application; yields the base URL (port 0 = any free one). Raises OSError."""
    runner = GuardedRunner(app, name=name, max_connections=max_connections)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound_host, bound_port = runner.addresses[0][:2]
        in_url = f"[{bound_host}]" if ":" in bound_host else bound_host
        yield f"http://{in_url}:{bound_port}"
    finally:
        await runner.cleanup()
