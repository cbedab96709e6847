"""The pace of a job: a rate, and a step back whenever the workers are behind.

Live events and a job's events share partitions, so a live event waits behind every event of a job
that the workers have not taken yet. `max_backlog` is how many those may be: it bounds what a job
costs live traffic.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiolimiter import AsyncLimiter

from stream.config import Settings
from stream.kafka.log.range_reader import RangeReader
from stream.ops.background import set_within
from stream.settings.kafka import KafkaSettings

MAX_CHUNK = 200
BACKLOG_POLL_SECONDS = 1.0


class JobPace:
    """`rate` is events per second; `max_backlog` 0 = never wait for the workers."""

    def __init__(
        self,
        settings: Settings,
        reader: RangeReader,
        *,
        rate: float,
        max_backlog: int,
        stop: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._max_backlog = max_backlog
        self._stop = stop
        burst = min(MAX_CHUNK, max(1.0, rate / 10))
        self.chunk_size = int(burst)
        self._limiter = AsyncLimiter(burst, burst / rate)
        self._backlog_checked = 0.0

    async def make_room(self, count: int, tell: Callable[[str], None]) -> None:
        """Wait until so many events may be published; `tell` hears why, '' when it goes on."""
        await self._limiter.acquire(min(count, self._limiter.max_rate))
        while self._max_backlog and not self._stop.is_set():
            if time.monotonic() - self._backlog_checked < BACKLOG_POLL_SECONDS:
                return
            backlog = await worker_backlog(self._settings, self._reader)
            self._backlog_checked = time.monotonic()
            if backlog <= self._max_backlog:
                tell("")
                return
            tell(f"workers are {backlog:,} events behind")
            await set_within(self._stop, BACKLOG_POLL_SECONDS)


async def worker_backlog(settings: KafkaSettings, reader: RangeReader) -> int:
    """Return how many events the workers have not committed yet, over all their topics."""
    committed = await reader.committed(settings.worker_group)
    spans = await reader.spans(settings.topics.sources)
    return sum(max(0, span.end - max(span.start, committed.get(span.place, 0))) for span in spans)
