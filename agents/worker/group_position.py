"""A look at the worker group from outside, for the watchdog: committed offsets and lag.

From the broker, never from Faust's own numbers: those freeze exactly when the worker is stuck
(kafka reference §1.13).
"""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaError

from agents.worker.watchdog import GroupPosition
from stream.config import Settings
from stream.errors import StreamError
from stream.kafka.range_reader import RangeReader

LOOK_TIMEOUT_SECONDS = 20.0


async def look_at_group(settings: Settings) -> GroupPosition | None:
    """Return what the broker says of the worker group; None when it does not say."""
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_SECONDS), RangeReader(settings) as reader:
            committed = await reader.committed(settings.worker_group)
            spans = await reader.spans(settings.topics.sources)
    except (StreamError, KafkaError, TimeoutError):
        return None
    lag = 0
    for span in spans:
        done = committed.get((span.topic, span.partition), span.log_start)
        # Beyond the end: the log went back, and everything in it may be unread.
        lag += span.end - (span.log_start if done > span.end else max(done, span.log_start))
    return GroupPosition(committed=committed, lag=lag)
