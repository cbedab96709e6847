"""One connection of any server of ours: aiohttp's, plus when its current state began.

The reaper (`connection_reaper`) ends connections by that moment. What is not HTTP is answered here,
in one sentence of ours: aiohttp would quote the sender's bytes and log all of them.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web_protocol import RequestHandler

log = structlog.get_logger()

BROKEN_HTTP = "The request is not well-formed HTTP."
NOT_HANDLED = "The request was not handled."
TOO_SLOW = "The request did not arrive in time."


class GuardedConnection(RequestHandler):
    """aiohttp's connection plus the moment its current state began."""

    __slots__ = (
        "ended_at",
        "has_served",
        "is_idle",
        "is_publishing",
        "since",
        "unsent_since",
        "work_seconds",
    )

    def __init__(
        self, manager: web.Server, *, loop: asyncio.AbstractEventLoop, **kwargs: Any
    ) -> None:
        super().__init__(manager, loop=loop, **kwargs)
        self.since = loop.time()
        self.unsent_since: float | None = None
        self.is_idle = True
        self.is_publishing = False
        self.has_served = False
        self.ended_at: float | None = None
        self.work_seconds = 0.0  # what the handler may take beyond the time to read the request

    def data_received(self, data: bytes) -> None:
        self.wake()
        super().data_received(data)

    def wake(self) -> None:
        """Note the first byte of a request."""
        if self.is_idle:
            self.is_idle = False
            self.since = self._loop.time()

    def begin(self) -> float:
        """Return when this request began: with its first byte, or now if it was pipelined."""
        self.wake()
        return self.since

    def rest(self) -> None:
        """Mark the request as answered: the next one may take its time to come."""
        self.is_idle = True
        self.is_publishing = False
        self.has_served = True
        self.work_seconds = 0.0
        self.since = self._loop.time()

    @property
    def is_waiting(self) -> bool:
        """Whether no handler is at work: waiting for a request, or for the rest of its headers."""
        return self._waiter is not None and not self._waiter.done()

    def _process_keepalive(self) -> None:
        """Do nothing: the reaper ends idle connections, and knows what each is doing."""
        self._keepalive_handle = None

    def slow_answer(self) -> bytes:
        """Return the answer to headers that did not arrive in time."""
        return raw_answer(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - may quote what the sender sent
    ) -> web.StreamResponse:
        """Answer what never reached the handler, or what the handler let through."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer is half sent, another cannot follow")
        response = self.error_answer(exc if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None)
        self.rest()
        return response

    def error_answer(self, bug: BaseException | None) -> web.Response:
        """Return the answer to broken HTTP, or to a request that met a bug of ours."""
        if bug is not None:
            log.error("http_bug", exc_info=bug)
        status = HTTPStatus.BAD_REQUEST if bug is None else HTTPStatus.INTERNAL_SERVER_ERROR
        text = BROKEN_HTTP if bug is None else NOT_HANDLED
        response = web.Response(status=status, text=f"{text}\n")
        response.force_close()
        return response


class GuardedRequest(web.BaseRequest):
    """A request whose answers do not name aiohttp and Python with their versions."""

    async def _prepare_hook(self, resp: web.StreamResponse) -> None:
        resp.headers.popall(hdrs.SERVER, None)


class GuardedAppRequest(web.Request):
    """The same for an application."""

    async def _prepare_hook(self, resp: web.StreamResponse) -> None:
        await super()._prepare_hook(resp)
        resp.headers.popall(hdrs.SERVER, None)


def raw_answer(status: HTTPStatus, text: str) -> bytes:
    """Return a whole answer that closes, for connections without a request object."""
    body = f"{text}\n".encode()
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Date: {rfc822_formatted_time()}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body
