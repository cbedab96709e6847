"""What the broker says of the worker group: how far it is behind, and what it has committed.

From the broker, never from Faust's own numbers: those freeze exactly when the worker is stuck
(kafka reference §1.13). The lag decides when Bulk jobs pay, the position is the watchdog's.
"""

from __future__ import annotations

import asyncio

import structlog
from aiokafka.errors import KafkaError

from agents.delivery.api_choice import CALLS_PER_JOB, composite_calls
from agents.worker.watchdog import GroupPosition
from stream.config import Settings
from stream.errors import BrokerError, StreamError
from stream.jobs.throttle import worker_backlog
from stream.kafka.log.range_reader import RangeReader

log = structlog.get_logger()

ASK_EVERY_SECONDS = 10.0


class GroupBacklog:
    """The last count of events that the group has not taken. 0 until it is known."""

    def __init__(self) -> None:
        self.events = 0

    async def watch(self, settings: Settings) -> None:
        """Keep the count fresh until cancelled; what cannot be asked stays as it was."""
        if not may_use_bulk(settings):
            return
        while True:
            try:
                async with RangeReader(settings) as reader:
                    while True:
                        self.events = await worker_backlog(settings, reader)
                        await asyncio.sleep(ASK_EVERY_SECONDS)
            except BrokerError as error:
                log.warning("backlog_unknown", reason=str(error))
                await asyncio.sleep(ASK_EVERY_SECONDS)


def may_use_bulk(settings: Settings) -> bool:
    """Whether the largest batch is large enough for a single job to cost fewer calls."""
    largest = composite_calls(settings.worker_batch_max_events)
    return bool(settings.salesforce_bulk_threshold_events) and largest > CALLS_PER_JOB


def is_bulk_backlog(settings: Settings, events: int) -> bool:
    """Whether so many untaken events are worth waiting for a batch that Bulk jobs pay for."""
    return may_use_bulk(settings) and events >= settings.salesforce_bulk_threshold_events


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
        done = committed.get(span.place, span.log_start)
        # Beyond the end: the log went back, and everything in it may be unread.
        lag += span.end - (span.log_start if done > span.end else max(done, span.log_start))
    return GroupPosition(committed=committed, lag=lag)
