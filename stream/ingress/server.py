"""The ingress as a running server: bind, serve, drain.

Draining loses nobody: the port closes first, requests that have begun get their answers (each has
its own deadline, so this ends by itself), idle connections are closed, and only what hangs is cut.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from aiohttp import web

from stream.config import Settings
from stream.http.connection_reaper import (
    GRACE_SECONDS,
    GuardedServer,
    ReaperVerdict,
)
from stream.http.file_limit import room_for
from stream.ingress.connection import Connection
from stream.ingress.handler import Ingress, IngressLimits
from stream.ingress.readiness import Readiness
from stream.ingress.senders import adobe_doors, taken_kinds, webhook_verifier
from stream.kafka.publisher import Publisher
from stream.ops import metrics
from stream.settings.ingress import IngressSettings
from stream.signatures.adobe_public_keys import AdobeKeyHost

log = structlog.get_logger()

# A burst of new connections waits here instead of being refused.
BACKLOG = 1024
# A connection without a byte for this long while draining is not about to send a request.
IDLE_WHILE_DRAINING_SECONDS = 0.2
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class IngressServer:
    """A listening ingress. `url` has the real port."""

    url: str
    readiness: Readiness


def limits_of(settings: IngressSettings) -> IngressLimits:
    """Return the bounds that the settings give."""
    return IngressLimits(
        max_body_bytes=settings.ingress_max_body_bytes,
        request_timeout_seconds=settings.ingress_request_timeout_seconds,
        publish_timeout_seconds=settings.ingress_publish_timeout_seconds,
        max_in_flight=settings.ingress_max_in_flight,
        max_held_bytes=settings.ingress_max_held_bytes,
    )


@asynccontextmanager
async def ingress_server(
    settings: Settings,
    publisher: Publisher,
    readiness: Readiness,
    *,
    reuse_port: bool = False,
    key_host: AdobeKeyHost | None = None,
) -> AsyncIterator[IngressServer]:
    """Serve until the block ends, then drain. Raises OSError when the address cannot be bound.

    `key_host` stands in for Adobe's in tests.
    """
    async with adobe_doors(settings, key_host=key_host) as doors:
        ingress = Ingress(
            publisher=publisher,
            verifier=webhook_verifier(settings),
            readiness=readiness,
            topics=settings.topics,
            limits=limits_of(settings),
            identity=settings.identity,
            taken=taken_kinds(settings),
            doors=doors,
        )
        async with _serving(settings, ingress, readiness, reuse_port=reuse_port) as url:
            yield IngressServer(url, readiness)


@asynccontextmanager
async def _serving(
    settings: IngressSettings, ingress: Ingress, readiness: Readiness, *, reuse_port: bool
) -> AsyncIterator[str]:
    """Listen until the block ends, then drain; yields the URL."""
    take = None if ingress.direct is None else ingress.direct.take
    server = GuardedServer(
        ingress.handle,
        name="ingress",
        timeout_seconds=settings.ingress_request_timeout_seconds,
        keepalive_seconds=settings.ingress_keepalive_seconds,
        max_connections=room_for(settings.ingress_max_connections, server="ingress"),
        connection=partial(Connection, take=take),
        on_sweep=ingress.report,
        on_cut=_count_cut,
    )
    listener = bind(settings.ingress_host, settings.ingress_port, reuse_port=reuse_port)
    runner = web.ServerRunner(server, shutdown_timeout=GRACE_SECONDS)
    await runner.setup()
    site = web.SockSite(runner, listener, backlog=BACKLOG)
    await site.start()
    server.start_sweeping()
    try:
        yield url_of(listener)
    finally:
        readiness.is_draining = True
        await asyncio.sleep(settings.ingress_drain_notice_seconds)
        await site.stop()
        await drain(server, settings.ingress_request_timeout_seconds + GRACE_SECONDS)
        server.stop_sweeping()
        await runner.cleanup()


def _count_cut(verdict: ReaperVerdict) -> None:
    metrics.INGRESS_CUT.labels(verdict.value).inc()


async def drain(server: GuardedServer, deadline_seconds: float) -> None:
    """Return when every connection has had its answer and is gone, or after the deadline."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_seconds
    while server.connections and loop.time() < deadline:
        server.close_idle(IDLE_WHILE_DRAINING_SECONDS)
        await asyncio.sleep(POLL_SECONDS)
    if server.connections:
        log.warning("ingress_drain_cut", connections=len(server.connections))
        server.abort_all()


def bind(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """Return a bound socket that does not listen yet; raises OSError."""
    family, kind, protocol, _name, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """Return `http://host:port` of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
