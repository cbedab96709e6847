"""Connections that cannot be held open for ever: the deadlines aiohttp does not have.

aiohttp waits without limit for slow headers and for a sender that does not read its answer. One
sweep per second over all connections ends them; a timer per request would cost the hot path more.

| what the sender does | what happens after the request timeout |
|---|---|
| connects and says nothing | closed |
| sends its headers slowly | 408, closed |
| sends its body slowly | whoever reads it answers 408; cut if even that hangs |
| does not read its answer | cut |
| keeps an idle connection | closed after the keep-alive time |

Over the most connections allowed, the one that has waited longest without a complete request makes
room, so slow senders starve each other and not the good ones; the log says so once a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from stream.http.guarded_connection import GuardedConnection, GuardedRequest

log = structlog.get_logger()

# After the deadline a handler gets this long to say so itself before the connection is cut.
GRACE_SECONDS = 1.0
MAX_SWEEP_SECONDS = 1.0
SWEEPS_PER_TIMEOUT = 10
# How long the rest of a refused body is read and thrown away, so that the sender sees the answer.
LINGER_SECONDS = 2.0
FULL_LOG_SECONDS = 60.0

# 256 KB of headers per connection at most: a browser and three proxies send a tenth of it.
MAX_HEADERS = 64
MAX_HEADER_BYTES = 4096
READ_BUFFER_BYTES = 64 * 1024

ConnectionFactory = Callable[..., GuardedConnection]


class ReaperVerdict(StrEnum):
    """What the sweep does with a connection, and the label of the metric."""

    KEEP = "keep"
    CLOSE_SILENT = "silent"
    CLOSE_IDLE = "idle"
    ANSWER_SLOW_HEADERS = "slow_headers"
    CUT_HANGING = "hanging"
    CUT_UNREAD_ANSWER = "unread_answer"
    CUT_FOR_ROOM = "room"


def verdict(
    *,
    age_seconds: float,
    unsent_seconds: float,
    is_idle: bool,
    is_waiting: bool,
    has_served: bool,
    timeout_seconds: float,
    keepalive_seconds: float,
    work_seconds: float = 0.0,
) -> ReaperVerdict:
    """Decide about one connection.

    `age_seconds`: since the state it is in began; `unsent_seconds`: how long an answer has been
    waiting to be read; `is_idle`: no byte of a new request yet; `is_waiting`: no request handled;
    `work_seconds`: what the handler may take beyond the timeout.
    """
    if unsent_seconds >= timeout_seconds:
        return ReaperVerdict.CUT_UNREAD_ANSWER
    if is_idle:
        if has_served:
            return (
                ReaperVerdict.CLOSE_IDLE if age_seconds >= keepalive_seconds else ReaperVerdict.KEEP
            )
        return ReaperVerdict.CLOSE_SILENT if age_seconds >= timeout_seconds else ReaperVerdict.KEEP
    if is_waiting and age_seconds >= timeout_seconds:
        return ReaperVerdict.ANSWER_SLOW_HEADERS
    if age_seconds >= timeout_seconds + work_seconds + GRACE_SECONDS:
        return ReaperVerdict.CUT_HANGING
    return ReaperVerdict.KEEP


class GuardedServer(web.Server):
    """aiohttp's low-level server, whose connections are swept and bounded."""

    def __init__(
        self,
        handler: Any,
        *,
        name: str,
        timeout_seconds: float,
        keepalive_seconds: float,
        max_connections: int,
        connection: ConnectionFactory = GuardedConnection,
        request_factory: Any = None,
        on_sweep: Callable[[], None] = lambda: None,
        on_cut: Callable[[ReaperVerdict], None] = lambda _verdict: None,
        read_buffer_bytes: int = READ_BUFFER_BYTES,
    ) -> None:
        """Make a server of `handler` (request → response) on the running loop.

        `name` is for the log. `on_sweep` is called once in every sweep, `on_cut` for every
        connection that is ended. Twice `read_buffer_bytes` is held before anybody asks for a body.
        """
        super().__init__(
            handler,
            request_factory=self._request,
            keepalive_timeout=keepalive_seconds,
            lingering_time=min(LINGER_SECONDS, timeout_seconds),
            auto_decompress=False,  # bytes count as they were sent, and so does a signature
            access_log=None,
            read_bufsize=read_buffer_bytes,
            max_headers=MAX_HEADERS,
            max_field_size=MAX_HEADER_BYTES,
            max_line_size=MAX_HEADER_BYTES,
        )
        self._name = name
        self._connection = connection
        self._make_own = request_factory or self._plain_request
        self._on_sweep = on_sweep
        self._on_cut = on_cut
        self._timeout_seconds = timeout_seconds
        self._keepalive_seconds = keepalive_seconds
        self._max_connections = max_connections
        self._sweeping: asyncio.TimerHandle | None = None
        self._said_full_at = float("-inf")

    def __call__(self) -> RequestHandler:
        return self._connection(self, loop=self._loop, **self._kwargs)

    def _request(self, message: RawRequestMessage, *parts: Any) -> web.BaseRequest:
        """Make the request, whatever host its target names (`GET http://xn--/`).

        aiohttp decodes that name where nobody catches it; no route of ours depends on it.
        """
        if message.url.absolute:
            message = message._replace(url=message.url.relative())
        request: web.BaseRequest = self._make_own(message, *parts)
        return request

    def _plain_request(self, *parts: Any) -> web.BaseRequest:
        message, payload, protocol, writer, task = parts
        return GuardedRequest(message, payload, protocol, writer, task, self._loop)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        if len(self._connections) >= self._max_connections:
            self._make_room()
        super().connection_made(handler, transport)

    def start_sweeping(self) -> None:
        """Sweep now and then for as long as the loop runs, or until `stop_sweeping`."""
        self.sweep()
        pause_seconds = min(MAX_SWEEP_SECONDS, self._timeout_seconds / SWEEPS_PER_TIMEOUT)
        self._sweeping = self._loop.call_later(pause_seconds, self.start_sweeping)

    def stop_sweeping(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()

    def sweep(self) -> None:
        """End every connection whose time is up."""
        self._on_sweep()
        now = self._loop.time()
        for connection, transport in list(self._connections.items()):
            if not isinstance(connection, GuardedConnection):
                continue
            if connection.ended_at is None:
                self._end(connection, transport, self._judge(connection, transport, now))
            elif now - connection.ended_at >= GRACE_SECONDS:
                transport.abort()  # closed politely, but the other side does not read

    def close_idle(self, idle_seconds: float) -> None:
        """Close connections without a request for this long: they are not missed in a drain."""
        now = self._loop.time()
        for connection in list(self._connections):
            if not isinstance(connection, GuardedConnection) or not connection.is_idle:
                continue
            if now - connection.since >= idle_seconds:
                connection.force_close()

    def abort_all(self) -> None:
        """Cut every connection, whatever it is doing."""
        for transport in list(self._connections.values()):
            transport.abort()

    def _judge(
        self, connection: GuardedConnection, transport: asyncio.Transport, now: float
    ) -> ReaperVerdict:
        if transport.get_write_buffer_size() == 0:
            connection.unsent_since = None
        elif connection.unsent_since is None:
            connection.unsent_since = now
        unsent_since = connection.unsent_since
        return verdict(
            age_seconds=now - connection.since,
            unsent_seconds=0.0 if unsent_since is None else now - unsent_since,
            is_idle=connection.is_idle,
            is_waiting=connection.is_waiting,
            has_served=connection.has_served,
            timeout_seconds=self._timeout_seconds,
            keepalive_seconds=self._keepalive_seconds,
            work_seconds=connection.work_seconds,
        )

    def _end(
        self, connection: GuardedConnection, transport: asyncio.Transport, what: ReaperVerdict
    ) -> None:
        if what is ReaperVerdict.KEEP:
            return
        connection.ended_at = self._loop.time()
        self._on_cut(what)
        match what:
            case ReaperVerdict.CLOSE_IDLE | ReaperVerdict.CLOSE_SILENT:
                connection.force_close()
            case ReaperVerdict.ANSWER_SLOW_HEADERS:
                transport.write(connection.slow_answer())
                connection.force_close()
            case _:
                transport.abort()

    def _make_room(self) -> None:
        """Cut the oldest connection that is of no use yet, strangers first."""
        if self._loop.time() - self._said_full_at >= FULL_LOG_SECONDS:
            self._said_full_at = self._loop.time()
            log.warning("http_connections_full", server=self._name, limit=self._max_connections)
        candidates = [
            connection
            for connection in self._connections
            if isinstance(connection, GuardedConnection)
            and not connection.is_publishing
            and connection.ended_at is None
        ]
        if candidates:
            victim = min(candidates, key=lambda c: (c.is_idle and c.has_served, c.since))
            self._end(victim, self._connections[victim], ReaperVerdict.CUT_FOR_ROOM)
