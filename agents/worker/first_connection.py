"""A worker that is started while Kafka is away waits for it, as every other process does.

After a restart of the machine Kafka is the last to be there. A worker that ended instead would be
started again with pauses that grow (minutes, on Kubernetes), and come back long after Kafka.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiokafka.errors import KafkaError

from stream.ops.background import set_within

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 2.0


class StoppedBeforeConnected(Exception):  # noqa: N818 - no error: it was told to stop
    """The process was told to stop while it still waited."""


async def wait_until_answered(
    ask: Callable[[], Awaitable[object]],
    stopping: asyncio.Event,
    *,
    pause_seconds: float = PAUSE_SECONDS,
) -> None:
    """Ask until Kafka answers. Raises StoppedBeforeConnected; wrong settings raise as they do."""
    while not stopping.is_set():
        try:
            await ask()
        except (KafkaError, OSError) as error:
            log.warning("kafka_away", error=str(error), again_in_seconds=pause_seconds)
        else:
            return
        await set_within(stopping, pause_seconds)
    raise StoppedBeforeConnected
