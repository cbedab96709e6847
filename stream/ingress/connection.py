"""One connection of a sender: aiohttp's, plus what the sweep and the direct road need to know.

The reaper (`stream/http`) needs the moment the connection's current state began. The fast path is
offered each request that has come whole, before aiohttp starts a handler for
it; while such a request waits for its ack, whatever else arrives is held, because answers leave in
the order of the requests (RFC 9112 §9.3.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import HttpVersion11, StreamReader, hdrs, web
from aiohttp.http_parser import RawRequestMessage

from stream.http.guarded_connection import GuardedConnection
from stream.ingress.responses import Reason, log_bug, raw_refusal, refusal_of
from stream.ops import metrics

Take = Callable[["Connection", RawRequestMessage, bytes], bool]


class Connection(GuardedConnection):
    """A guarded connection whose whole requests the fast path may take."""

    __slots__ = ("_held", "_take", "is_direct")

    def __init__(
        self,
        manager: web.Server,
        *,
        loop: asyncio.AbstractEventLoop,
        take: Take | None,
        **kwargs: Any,
    ) -> None:
        """`take` is offered every request that has come whole, before a handler is woken."""
        super().__init__(manager, loop=loop, **kwargs)
        self._take = take
        self._held = b""
        self.is_direct = False

    def data_received(self, data: bytes) -> None:
        if self.is_direct:  # answers leave in the order of the requests
            self._held += data
            self._pause_transport_reading()
            return
        self.wake()
        waiter = self._waiter
        if self._take is None or waiter is None or waiter.done():
            super().data_received(data)
            return
        self._waiter = None  # aiohttp wakes its handler for any request: not before we looked
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if self._messages and not self._is_taken(self._take) and not waiter.done():
            waiter.set_result(None)

    def _is_taken(self, take: Take) -> bool:
        """Offer a request that is alone, whole, and leaves the connection open."""
        if len(self._messages) > 1 or self._paused or self._reading_paused or self._close:
            return False
        message, payload = self._messages[0]
        if (
            type(message) is not RawRequestMessage
            or type(payload) is not StreamReader
            or message.method != hdrs.METH_POST
            or message.version != HttpVersion11
            or message.should_close
            or message.upgrade
            or not payload.is_eof()
            or len(payload._buffer) != 1  # noqa: SLF001 - to look is not to take
        ):
            return False
        try:
            self.is_direct = take(self, message, payload._buffer[0])  # noqa: SLF001 - test_private_names.py holds the name
        except Exception as error:  # noqa: BLE001 - the handler meets it again, and answers
            log_bug(error)
        if self.is_direct:
            self.is_publishing = True
            self._messages.clear()
            assert self._parser is not None
            self._parser.message_consumed()
        return self.is_direct

    def answer(self, data: bytes, closes: bool) -> None:
        """Answer what was taken, if somebody is still there, and go on with what came since."""
        self.is_direct = False
        self.rest()
        if self.transport is None or self.transport.is_closing():
            return
        self.transport.write(data)
        if closes:
            self.force_close()
        elif self._held:
            held, self._held = self._held, b""
            if not self._reading_paused and not self._buffer_paused:
                self._resume_transport_reading()
            self.data_received(held)

    async def send(self, data: bytes) -> None:
        """Write a whole answer; raises ConnectionError when nobody is there any more."""
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the sender is gone")
        self.transport.write(data)
        if self._paused:
            await self._drain_helper()

    @property
    def is_waiting(self) -> bool:
        return not self.is_direct and super().is_waiting

    def slow_answer(self) -> bytes:
        metrics.INGRESS_REQUESTS.labels("408", Reason.TOO_SLOW.value).inc()
        return raw_refusal(Reason.TOO_SLOW, "the headers did not arrive in time", closes=True)

    def error_answer(self, bug: BaseException | None) -> web.Response:
        if bug is None:
            reason, error = Reason.BROKEN_HTTP, "the request is not well-formed HTTP"
        else:
            reason, error = Reason.BUG, "the request was not handled"
            log_bug(bug)
        response = refusal_of(reason, error)
        metrics.INGRESS_REQUESTS.labels(str(response.status), reason.value).inc()
        return response
