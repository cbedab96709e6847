"""A worker or relay that is started while Kafka is away waits for it, as every other process does.

After a restart of the machine Kafka is the last to be there. A worker that ended instead would be
started again with pauses that grow (minutes, on Kubernetes), and come back long after Kafka. A
password that was changed looks the same and does not end by itself: so a minute of it is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from aiokafka.errors import KafkaError

from stream.kafka.error_text import error_text
from stream.ops.alerts import Alert, Alerts
from stream.ops.background import set_within

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 2.0
TOLD_AFTER_SECONDS = 60.0


class StoppedBeforeConnected(Exception):  # noqa: N818 - no error: it was told to stop
    """The process was told to stop while it still waited."""


async def wait_until_answered(
    ask: Callable[[], Awaitable[object]],
    stopping: asyncio.Event,
    *,
    alerts: Alerts,
    pause_seconds: float = PAUSE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Ask until Kafka answers. Raises StoppedBeforeConnected; wrong settings raise as they do."""
    began = clock()
    while not stopping.is_set():
        try:
            await ask()
        except (KafkaError, OSError) as error:
            log.warning("kafka_away", error=error_text(error), again_in_seconds=pause_seconds)
            if clock() - began >= TOLD_AFTER_SECONDS:
                alerts.fire(Alert.PUBLISH_BLOCKED, f"Kafka lets us in nowhere: {error_text(error)}")
        else:
            alerts.resolve(Alert.PUBLISH_BLOCKED)
            return
        await set_within(stopping, pause_seconds)
    raise StoppedBeforeConnected
