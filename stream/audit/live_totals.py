"""The balance, kept up to date: what `audit` proves from all records, a dashboard shows at once.

Incremental and bounded: events and results are read once, by the same logic as `audit`
(`event_book`), so that both agree by construction. When a topic went back (cut, restored, made
again) everything is read anew. What is kept, whatever the topics hold:

| what | how much |
|---|---|
| which event, and its best outcome | nine bytes per event of the window (DASHBOARD_WINDOW_DAYS) |
| events in and out over time | `FLOW_BUCKETS` buckets of `BUCKET_SECONDS` |
| the greatest age of an event at its outcome | the same buckets |
| the latest outcomes | `RECENT_OUTCOMES` |
| what became of a job's events | counts of the latest `JOBS_KEPT` jobs |

The ends of the results are taken before those of the facts: no result is of an unknown event.

A partition that does not answer, or is broken, is in `unread` with the reason. Its events stay as
they were last read, and so do those whose outcomes it holds; all others go on.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schemas.result import read_result
from stream.audit.event_book import CLOCK_SKEW_MS, EventBook, Place
from stream.audit.outcome_bitmap import DEAD, UNANSWERED, Balance, OutcomeBitmap
from stream.config import Settings
from stream.errors import BrokerError
from stream.kafka.log.broken_places import BrokenPlaces
from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.position import Tail
from stream.kafka.log.range_reader import OffsetRange, RangeReader, Record
from stream.lag.rates import EventRate, Meter

RECENT_OUTCOMES = 500
JOBS_KEPT = 200
FLOW_BUCKETS = 360
BUCKET_SECONDS = 10
TRIM_SECONDS = 600.0
DAY_MS = 24 * 60 * 60 * 1000
STRAYS_KEPT = 200_000

Result = dict[str, Any]


class GreatestAge:
    """How old the oldest event was when it was worked on, by time: the past of the time lag.

    First attempts of live events only: a retry waits on purpose.
    """

    def __init__(self) -> None:
        self._ages: dict[int, int] = {}

    def add(self, at_ms: int, age_ms: int) -> None:
        start = at_ms - at_ms % (BUCKET_SECONDS * 1000)
        self._ages[start] = max(age_ms, self._ages.get(start, 0))
        if len(self._ages) > 2 * FLOW_BUCKETS:
            newest = sorted(self._ages)[-FLOW_BUCKETS:]
            self._ages = {at: self._ages[at] for at in newest}

    def points(self) -> list[tuple[int, float]]:
        """Return (time in ms, seconds), oldest first."""
        return [(at, age / 1000) for at, age in sorted(self._ages.items())]


class LiveTotals:
    """`refresh` reads what is new with a connected reader; everything else answers from memory."""

    def __init__(self, settings: Settings) -> None:
        self._topics = settings.topics
        self._window_ms = int(settings.dashboard_window_days * DAY_MS)
        self._began_ms = int(time.time() * 1000)
        self._start_over()

    def _start_over(self) -> None:
        """Know nothing: at the beginning, and when a topic is another one than was read."""
        self._tail = Tail()
        self._book = EventBook(most_strays=STRAYS_KEPT)
        self._trimmed = float("-inf")
        self._read_from: set[Place] = set()
        self.silent: dict[Place, str] = {}
        self._broken = BrokenPlaces()
        self.balance = Balance()
        self.flow = EventRate(bucket_seconds=BUCKET_SECONDS, buckets=FLOW_BUCKETS)
        self.ages = GreatestAge()
        self.rate_in, self.rate_out = Meter(), Meter()
        self.recent: deque[Result] = deque(maxlen=RECENT_OUTCOMES)
        self.outcomes_read = 0
        self.to_read = 0
        self.refreshed_ms: int | None = None
        self._finals = 0
        self._jobs: dict[str, Counter[str]] = {}

    @property
    def unread(self) -> dict[Place, str]:
        """What does not answer, or is broken in the log: the balance proves nothing of it."""
        return {**self._broken.told(), **self.silent}

    def job_outcomes(self, job_id: str) -> Counter[str]:
        """Return how a job's events ended so far, by outcome."""
        return Counter(self._jobs.get(job_id, {}))

    async def refresh(self, reader: RangeReader) -> None:
        """Read what was written since the last time. Raises BrokerError; what was read is kept."""
        compared = await self._tail.compared(reader)
        if compared.gone:
            self._start_over()
        before = self.silent
        results, facts = await self._spans(reader, compared.silent)
        if any(span.place in before and span.place not in self._book.books for span in facts):
            self._start_over()  # its outcomes went by while nobody knew its events
            results, facts = await self._spans(reader, compared.silent)
        events = self._events(facts)
        new = self._tail.unread(results)
        self.to_read = self.outcomes_read + sum(span.size for span in new)
        async for batch in reader.read(events):
            for record in batch:
                self._book.accept(record)
            self._tail.note(batch)
            await asyncio.sleep(0)  # pages get a turn
        async for batch in reader.read(new):
            self._settle(batch)
            self._tail.note(batch)
            await asyncio.sleep(0)
        self._tail.note_ends((*events, *results))
        self._broken.take_in(reader.broken)
        self._broken.forget_deleted((*facts, *results))
        self._book.settle_strays()
        self._conclude()

    async def _spans(
        self, reader: RangeReader, silent: Mapping[Place, str]
    ) -> tuple[list[OffsetRange], list[OffsetRange]]:
        """Return what there is of results and facts, and note whose leader does not answer.

        A partition that comes late begins where the window does. Raises BrokerError when no fact
        can be counted.
        """
        is_late = bool(self.silent)
        since_ms = int(time.time() * 1000) - self._window_ms
        since = since_ms - CLOCK_SKEW_MS if is_late or not self._tail.has_begun else None
        results, untold = await reader.known_spans([self._topics.results], since_ms=since)
        is_trim_due = is_late or time.monotonic() - self._trimmed > TRIM_SECONDS
        facts, unheard = await reader.known_spans(
            self._topics.facts, since_ms=since_ms if is_trim_due else None
        )
        unread = {**silent, **untold, **unheard}
        results = [span for span in results if span.place not in unread]
        facts = [
            span
            for span in facts
            if span.place not in unread and (self._topics.results, span.partition) not in unread
        ]
        if unread and not facts:
            raise BrokerError(f"Kafka did not answer: {name_silent(unread)}")
        self.silent = unread
        if is_trim_due:
            self._trimmed = time.monotonic()
        return results, facts

    def _events(self, spans: Sequence[OffsetRange]) -> list[OffsetRange]:
        """Return what the facts have gained, and drop events that the window has left."""
        if (places := {span.place for span in spans}) != self._read_from:
            self._read_from = places
            self.rate_in, self.rate_out = Meter(), Meter()  # whoever comes late brings no rush
        known = set(self._book.books)
        for span in spans:
            where = span.place
            if where not in self._book.books:
                self._book.books[where] = OutcomeBitmap(span.start, span.start)
            book = self._book.books[where]
            book.extend_to(span.end)
            book.forget_before(span.start)
        new = self._tail.unread(spans)
        gained = sum(span.size for span in new if span.place in known)
        self.flow.add("in", int(time.time() * 1000), gained)
        self.rate_in.note(time.monotonic(), sum(span.end for span in spans))
        return new

    def _settle(self, batch: Iterable[Record]) -> None:
        now_ms = int(time.time() * 1000)
        for record in batch:
            self.outcomes_read += 1
            try:
                read: Result = read_result(record.value)
            except ValueError:
                continue  # no result; `audit` counts these
            at_ms = min(read["at_ms"], now_ms)  # or else one clock ahead ends the curves
            settled = self._book.settle(read)
            if settled.mark >= DEAD:
                self._finals += 1
                self.flow.add("out", at_ms)
            latency_ms = read.get("latency_ms", 0)
            received_ms = at_ms - latency_ms
            if not read.get("attempt") and read.get("via", "live") == "live":
                self.ages.add(at_ms, latency_ms)
            if settled.before == UNANSWERED and received_ms < self._began_ms:
                self.flow.add("in", received_ms)
            if job_id := read.get("job_id"):
                self._count_job(job_id, read["outcome"])
            self.recent.append(read)

    def _count_job(self, job_id: str, outcome: str) -> None:
        if job_id not in self._jobs:
            while len(self._jobs) >= JOBS_KEPT:
                del self._jobs[next(iter(self._jobs))]
            self._jobs[job_id] = Counter()
        self._jobs[job_id][outcome] += 1

    def _conclude(self) -> None:
        self.balance = self._book.balance()
        self.rate_out.note(time.monotonic(), self._finals)
        self.refreshed_ms = int(time.time() * 1000)
