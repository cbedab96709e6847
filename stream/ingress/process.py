"""The ingress as a process: producer, server, signals.

It serves before Kafka is reached, and goes on when Kafka goes away: senders get a 503 they will
repeat, and /readyz says why. Killed at any moment it loses nothing that was answered 2xx.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

import structlog

from stream.config import Settings
from stream.ingress.prefork import SPARE_SECONDS, stop_seconds
from stream.ingress.readiness import FRESH_SECONDS, Readiness
from stream.ingress.server import ingress_server
from stream.kafka.connection import kafka_connection
from stream.kafka.publisher import KafkaPublisher
from stream.ops.background import in_background
from stream.ops.gc_tuning import settle_garbage_collector
from stream.ops.stop_signals import stop_on_signals
from stream.topics import Topics

log = structlog.get_logger()


async def run_ingress(
    settings: Settings,
    *,
    on_listening: Callable[[str], None],
    reuse_port: bool = False,
    ends_with_stdin: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    `on_listening` gets the URL with the real port. `ends_with_stdin`: also stop when standard input
    ends, which a supervisor's death does. Raises SettingsError, and OSError when the address cannot
    be bound.
    """
    kafka_connection(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    stop_on_signals(stopping.set, deadline_seconds=stop_seconds(settings) + SPARE_SECONDS)
    if ends_with_stdin:
        await _stop_at_end_of_stdin(stopping)
    publisher = KafkaPublisher(settings)
    readiness = Readiness(kafka_probe(publisher, settings.topics), now=loop.time)
    try:
        async with (
            in_background(publisher.start),
            ingress_server(settings, publisher, readiness, reuse_port=reuse_port) as server,
        ):
            settle_garbage_collector()
            on_listening(server.url)
            await stopping.wait()
            log.info("ingress_draining")
    finally:
        await publisher.stop()
    log.info("ingress_stopped")


def kafka_probe(publisher: KafkaPublisher, topics: Topics) -> Callable[[], Awaitable[str | None]]:
    """Return a probe for Readiness: can both fact topics be written now?"""

    async def probe() -> str | None:
        for topic in topics.facts:
            if not await publisher.is_able(topic, timeout_seconds=FRESH_SECONDS):
                return f"Kafka is away, or no partition of {topic} has a leader"
        return None

    return probe


async def _stop_at_end_of_stdin(stopping: asyncio.Event) -> None:
    class UntilEnd(asyncio.Protocol):
        def connection_lost(self, _exc: Exception | None) -> None:
            stopping.set()

    await asyncio.get_running_loop().connect_read_pipe(UntilEnd, sys.stdin)
