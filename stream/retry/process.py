"""The relay as a process: publisher, status pages, and a stop on SIGTERM.

Killed at any moment it loses nothing: what was forwarded and not yet committed is forwarded again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from stream.config import Settings
from stream.kafka.blocking_publish import BlockingPublish
from stream.kafka.connection import kafka_connection
from stream.kafka.first_connection import StoppedBeforeConnected, wait_until_answered
from stream.kafka.log.read_log import ReadLog
from stream.kafka.publisher import KafkaPublisher
from stream.kafka.topic_check import refuse_shortage, watch_topics
from stream.ops.alert_webhook import alert_webhook
from stream.ops.alerts import Alerts
from stream.ops.background import in_background
from stream.ops.status_server import status_server
from stream.ops.stop_signals import stop_on_signals
from stream.retry.longest_waits import LongestWaits
from stream.retry.relay import Relay

log = structlog.get_logger()

STOP_DEADLINE_SECONDS = 10.0


async def run_relay(settings: Settings) -> None:
    """Run the relay until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    stop_on_signals(stopping.set, deadline_seconds=2 * STOP_DEADLINE_SECONDS)
    await refuse_shortage(settings)
    alerts = Alerts()
    publisher = KafkaPublisher(settings)
    await publisher.start()
    read_log = ReadLog(settings)
    relay = Relay(
        topics=settings.topics,
        group=settings.relay_group,
        connection=kafka_connection(settings),
        publish_all=BlockingPublish(publisher, alerts=alerts),
        read_log=read_log,
        longest=LongestWaits(settings.topics, settle_seconds=settings.debounce_seconds),
    )

    def not_ready() -> str | None:
        return None if relay.is_ready else "not connected to Kafka"

    async with (
        alert_webhook(settings, alerts, source="relay"),
        in_background(lambda: watch_topics(settings, alerts)),
        in_background(lambda: read_log.watch(alerts, relay.take_again)),
        status_server(settings.status_host, settings.status_port, not_ready=not_ready) as url,
    ):
        log.info("relay_started", status_url=url)
        running = asyncio.create_task(_connected(publisher, relay, alerts, stopping))
        stop_wait = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, stop_wait}, return_when=asyncio.FIRST_COMPLETED)
        stop_wait.cancel()
        done, _ = await asyncio.wait({running}, timeout=STOP_DEADLINE_SECONDS)
        if not done:
            log.warning("relay_stop_deadline", seconds=STOP_DEADLINE_SECONDS)
            running.cancel()
        await publisher.stop()
    await read_log.close()
    log.info("relay_stopped")
    if running in done:
        running.result()


async def _connected(
    publisher: KafkaPublisher, relay: Relay, alerts: Alerts, stopping: asyncio.Event
) -> None:
    with suppress(StoppedBeforeConnected):
        await wait_until_answered(publisher.connected, stopping, alerts=alerts)
        await relay.run(stopping)
