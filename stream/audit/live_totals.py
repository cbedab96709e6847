"""The balance, kept up to date: what `audit` proves from all records, a dashboard shows at once.

Incremental and bounded. Results are read once, facts not at all: their offsets say how many there
are (`audit`, which reads both, is the proof). What is kept, whatever the topics hold:

| what | how much |
|---|---|
| the best outcome of each event | one byte per event of the window (DASHBOARD_WINDOW_DAYS) |
| events in and out over time | `FLOW_BUCKETS` buckets of `BUCKET_SECONDS` |
| the latest outcomes | `RECENT_OUTCOMES` |
| what became of a job's events | counts of the latest `JOBS_KEPT` jobs |

The ends of the results are taken before those of the facts: no result is of an unknown event.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from stream.audit.outcome_bitmap import DEAD, MARK_OF, UNANSWERED, Balance, OutcomeBitmap
from stream.config import Settings
from stream.kafka.range_reader import OffsetRange, RangeReader, Record
from stream.lag.rates import EventRate, Meter

RECENT_OUTCOMES = 500
JOBS_KEPT = 200
FLOW_BUCKETS = 360
BUCKET_SECONDS = 10
TRIM_SECONDS = 600.0
DAY_MS = 24 * 60 * 60 * 1000
CLOCK_SKEW_MS = 10 * 60 * 1000  # results carry the workers' clock, events the ingress's

Result = dict[str, Any]


class LiveTotals:
    """`refresh` reads what is new with a connected reader; everything else answers from memory."""

    def __init__(self, settings: Settings) -> None:
        self._topics = settings.topics
        self._window_ms = int(settings.dashboard_window_days * DAY_MS)
        self._ledgers: dict[tuple[str, int], OutcomeBitmap] = {}
        self._positions: dict[int, int] = {}
        self._trimmed = float("-inf")
        self._began_ms = int(time.time() * 1000)
        self.balance = Balance()
        self.flow = EventRate(bucket_seconds=BUCKET_SECONDS, buckets=FLOW_BUCKETS)
        self.rate_in, self.rate_out = Meter(), Meter()
        self.recent: deque[Result] = deque(maxlen=RECENT_OUTCOMES)
        self.outcomes_read = 0
        self.to_read = 0
        self.refreshed_ms: int | None = None
        self._finals = 0
        self._jobs: dict[str, Counter[str]] = {}

    def job_outcomes(self, job_id: str) -> Counter[str]:
        """Return how a job's events ended so far, by outcome."""
        return Counter(self._jobs.get(job_id, {}))

    async def refresh(self, reader: RangeReader) -> None:
        """Read what was written since the last time. Raises BrokerError; what was read is kept."""
        since_ms = int(time.time() * 1000) - self._window_ms
        since = None if self._positions else since_ms - CLOCK_SKEW_MS
        results = await reader.spans([self._topics.results], since_ms=since)
        await self._accept(reader, since_ms)
        new = [
            replace(span, start=max(span.start, self._positions.get(span.partition, span.start)))
            for span in results
        ]
        self.to_read = self.outcomes_read + sum(span.size for span in new)
        async for batch in reader.read(new):
            self._settle(batch)
            self._positions[batch[0].partition] = batch[-1].offset + 1
            await asyncio.sleep(0)  # pages get a turn
        self._positions |= {span.partition: span.end for span in results}
        self._conclude()

    async def _accept(self, reader: RangeReader, since_ms: int) -> None:
        """Learn of new events from the ends of the facts, and drop those the window has left."""
        is_trim_due = time.monotonic() - self._trimmed > TRIM_SECONDS
        spans = await reader.spans(self._topics.facts, since_ms=since_ms if is_trim_due else None)
        is_first = not self._ledgers
        accepted = 0
        for span in spans:
            ledger = self._ledger(span)
            accepted += max(0, span.end - ledger.end)
            ledger.accept_until(span.end)
            ledger.forget_before(span.start)
        if is_trim_due:
            self._trimmed = time.monotonic()
        if not is_first:
            self.flow.add("in", int(time.time() * 1000), accepted)
        self.rate_in.note(time.monotonic(), sum(span.end for span in spans))

    def _ledger(self, span: OffsetRange) -> OutcomeBitmap:
        where = (span.topic, span.partition)
        if where not in self._ledgers:
            self._ledgers[where] = OutcomeBitmap(span.start, span.start)
        return self._ledgers[where]

    def _settle(self, batch: Iterable[Record]) -> None:
        for record in batch:
            self.outcomes_read += 1
            try:
                read: Result = orjson.loads(record.value)
                where = (read["origin_topic"], read["origin_partition"])
                mark = MARK_OF[read["outcome"]]
                at_ms: int = read["at_ms"]
                before = self._settle_one(where, read["origin_offset"], mark)
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue  # no result; `audit` counts these
            if mark >= DEAD:
                self._finals += 1
                self.flow.add("out", at_ms)
            received_ms = at_ms - read.get("latency_ms", 0)
            if before == UNANSWERED and received_ms < self._began_ms:
                self.flow.add("in", received_ms)
            if job_id := read.get("job_id"):
                self._count_job(job_id, read["outcome"])
            self.recent.append(read)

    def _settle_one(self, where: tuple[str, int], offset: int, mark: int) -> int | None:
        ledger = self._ledgers.get(where)
        return ledger.settle(offset, mark) if ledger else None

    def _count_job(self, job_id: str, outcome: str) -> None:
        if job_id not in self._jobs:
            while len(self._jobs) >= JOBS_KEPT:
                del self._jobs[next(iter(self._jobs))]
            self._jobs[job_id] = Counter()
        self._jobs[job_id][outcome] += 1

    def _conclude(self) -> None:
        self.balance = sum((ledger.balance() for ledger in self._ledgers.values()), Balance())
        self.rate_out.note(time.monotonic(), self._finals)
        self.refreshed_ms = int(time.time() * 1000)
