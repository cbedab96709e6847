"""Audit: prove from the topics alone that nothing is missing.

Every record of `magento.*` is an accepted event, every record of `salesforce.results` says what
became of one, and `accepted = synced + unchanged + superseded + dead + pending` must hold. It reads
what it counts: the events first, by id (`event_book`), then the outcomes. The end of the fact
topics is taken before the end of the results, so an event in the window can only gain an outcome,
never lose one, while the audit runs.

What fails an audit: an event without any outcome that is older than the grace time, an event that
waits in a retry tier longer than its due time plus the grace time, and events that retention
deleted before they had an outcome. What does not answer (a partition without a leader) is named,
and no event of it is counted or judged: the rest may be in order, the whole is not known. So is a
place where Kafka's log is broken. Memory: nine bytes per event, plus the events that wait.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

from schemas.event import Via
from schemas.result import read_result
from stream.audit.ages import Ages
from stream.audit.event_book import CLOCK_SKEW_MS, EventBook, Settled
from stream.audit.outcome_bitmap import DEAD, WAITING, Balance, DeletedEvents, OutcomeBitmap
from stream.audit.report import AuditReport
from stream.audit.unanswered import gone_retries, in_no_hands, oldest_unanswered, passed_over
from stream.config import Settings
from stream.errors import BrokerError
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import OffsetRange, RangeReader, Record

Progress = Callable[[int, int], None]
Partition = tuple[str, int]

TRACKED_WAITING = 200_000  # events in retry whose due time is watched; more are only counted
JOBS = frozenset({Via.REPLAY.value, Via.REQUEUE.value})


async def run_audit(
    settings: Settings,
    since_ms: int | None = None,
    until_ms: int | None = None,
    progress: Progress | None = None,
    *,
    grace_seconds: float | None = None,
    now_ms: int | None = None,
) -> AuditReport:
    """Audit the events accepted in [since, until), by record time; None is no bound.

    `progress(done, total)` is called with records. Raises BrokerError.
    """
    began = time.monotonic()
    async with PassingReader(settings) as reader:
        audit = _Audit(settings, reader, progress or _no_progress)
        audit.report = AuditReport(
            at_ms=now_ms if now_ms is not None else int(time.time() * 1000),
            grace_seconds=(
                settings.audit_grace_seconds if grace_seconds is None else grace_seconds
            ),
            since_ms=since_ms,
            until_ms=until_ms,
        )
        await audit.run()
    audit.report.seconds = time.monotonic() - began
    return audit.report


def _no_progress(_done: int, _total: int) -> None:
    """Nobody watches."""


class _Audit:
    """One run: take the ends, read the outcomes, then the events that no outcome speaks of."""

    report: AuditReport

    def __init__(self, settings: Settings, reader: RangeReader, progress: Progress) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._reader = reader
        self._progress = progress
        self._book = EventBook()
        self._ledgers = self._book.books
        self._deleted: dict[Partition, DeletedEvents] = {}
        self._strange: dict[Partition, set[int]] = {}
        self._waiting: dict[tuple[str, int, int], int] = {}
        self._log_starts: dict[Partition, int] = {}
        self._committed: Mapping[Partition, int] = {}
        self._read_to: Mapping[Partition, int] = {}  # the results

    async def run(self) -> None:
        self._committed = await self._commits()  # first: what is below has its outcome on disk
        facts, results = await self._ends()
        facts = await self._judged(facts, results)
        total = sum(span.size for span in (*facts, *results))
        ages = Ages(self._overdue_ms, self.report.at_ms)
        async for batch in self._reader.read(facts):
            for record in batch:
                self._book.accept(record)
                ages.note(record)
            self._advance(len(batch), total)
        self._read_to = {span.place: span.end for span in results}
        async for batch in self._reader.read(results):
            self._settle(batch)
            self._advance(len(batch), total)
        self._book.settle_strays()
        self.report.moved = self._book.moved
        await self._conclude(ages.ends)

    async def _ends(self) -> tuple[list[OffsetRange], list[OffsetRange]]:
        """Return what there is of facts and results; without their results facts are not judged."""
        report = self.report
        facts = await self._known(
            self._topics.facts, since_ms=report.since_ms, until_ms=report.until_ms
        )
        results = await self._known([self._topics.results], since_ms=self._results_since())
        silent = self.report.unread
        return [s for s in facts if f"{self._topics.results}-{s.partition}" not in silent], results

    async def _known(
        self, topics: Iterable[str], *, since_ms: int | None = None, until_ms: int | None = None
    ) -> list[OffsetRange]:
        spans, silent = await self._reader.known_spans(topics, since_ms=since_ms, until_ms=until_ms)
        self.report.unread |= {f"{topic}-{number}": why for (topic, number), why in silent.items()}
        return spans

    def _results_since(self) -> int | None:
        since_ms = self.report.since_ms
        return None if since_ms is None else since_ms - CLOCK_SKEW_MS

    async def _judged(
        self, facts: list[OffsetRange], results: list[OffsetRange]
    ) -> list[OffsetRange]:
        """Cut off events whose results retention may have deleted, and open the ledgers."""
        cut = {span.partition: span for span in results if span.log_start > 0 and span.size}
        firsts = await self._reader.first_records(
            {span.place: span.log_start for span in cut.values()}
        )
        slow = {span.place for span in cut.values()} - firsts.keys()
        self.report.unread |= {f"{topic}-{n}": "its first record did not come" for topic, n in slow}
        facts = [span for span in facts if (self._topics.results, span.partition) not in slow]
        times = {partition: record.timestamp for (_, partition), record in firsts.items()}
        judged = await self._from_times(facts, times)
        self.report.not_judged = sum(s.size for s in facts) - sum(s.size for s in judged)
        for span in judged:
            where = span.place
            self._ledgers[where] = OutcomeBitmap(span.start, span.end)
            if self.report.since_ms is None and span.log_start and span.partition not in cut:
                self._deleted[where] = DeletedEvents(0, span.log_start)
        self._log_starts = {span.place: span.log_start for span in facts}
        return judged

    async def _from_times(
        self, facts: list[OffsetRange], times: Mapping[int, int]
    ) -> list[OffsetRange]:
        """Return the spans cut to records since a time, which is given per partition number."""
        starts: dict[Partition, int] = {}
        for number, at_ms in times.items():
            later = await self._reader.spans(
                self._topics.facts, partitions=[number], since_ms=at_ms
            )
            starts |= {span.place: span.start for span in later}
        return [
            replace(
                span,
                start=min(max(span.start, starts.get(span.place, 0)), span.end),
            )
            for span in facts
        ]

    def _settle(self, batch: Iterable[Record]) -> None:
        for record in batch:
            try:
                read = read_result(record.value)
            except ValueError:
                self.report.unreadable_results += 1
                continue
            settled = self._book.settle(read)
            before, mark = settled.before, settled.mark
            if before is None:
                self._settle_deleted(settled, read)
            elif WAITING in (mark, before):
                self._watch(settled, read)
            elif before >= DEAD and mark >= DEAD:
                self._count_repeat(read)

    def _settle_deleted(self, settled: Settled, read: Mapping[str, Any]) -> None:
        where, offset = settled.where, settled.offset
        if where not in self._log_starts or self.report.is_window:
            return
        log_start = self._log_starts[where]
        if self._reader.broken.holds(where, offset):
            return  # the event may be there, and nobody can read it
        if offset >= log_start:
            self._strange.setdefault(where, set()).add(offset)
            return
        is_first = not read.get("attempt") and read.get("via") not in JOBS
        if where not in self._deleted and is_first:
            self._deleted[where] = DeletedEvents(offset, log_start)
        if where in self._deleted:
            self._deleted[where].settle(offset)

    def _watch(self, settled: Settled, read: Mapping[str, Any]) -> None:
        place = (*settled.where, settled.offset)
        if settled.mark != WAITING:
            self._waiting.pop(place, None)
        elif self._ledgers[settled.where].mark_at(settled.offset) == WAITING:
            if len(self._waiting) < TRACKED_WAITING or place in self._waiting:
                self._waiting[place] = read.get("not_before_ms") or read["at_ms"]
            else:
                self.report.is_waiting_complete = False

    def _count_repeat(self, read: Mapping[str, Any]) -> None:
        if read.get("via") in JOBS:
            self.report.repeated += 1
        else:
            self.report.duplicates += 1

    def _advance(self, records: int, total: int) -> None:
        self.report.records_read += records
        self._progress(self.report.records_read, total)

    @property
    def _overdue_ms(self) -> int:
        return self.report.at_ms - int(self.report.grace_seconds * 1000)

    async def _conclude(self, boundaries: Mapping[Partition, int]) -> None:
        report = self.report
        # Where an outcome may be that nobody can read, its event lacks none that we know of.
        untold = self._reader.broken.numbers(self._topics.results)
        for (topic, _), ledger in self._ledgers.items():
            report.topics[topic] = report.topics.get(topic, Balance()) + ledger.balance()
        report.unanswered_count = sum(ledger.unanswered() for ledger in self._ledgers.values())
        overdue = [
            place
            for place, due in self._waiting.items()
            if due <= self._overdue_ms and place[1] not in untold
        ]
        report.overdue_waiting = len(overdue)
        is_window = report.until_ms is not None
        lost = passed_over(self._ledgers, self._committed, untold, is_window=is_window)
        for event in await gone_retries(self._reader, self._settings, overdue):
            lost.add(*event)
        report.missing = await in_no_hands(
            self._reader, self._topics, lost, self._committed, self._read_to
        )
        boundaries = {where: at for where, at in boundaries.items() if where[1] not in untold}
        report.overdue_count = sum(
            ledger.unanswered(before_offset=boundaries.get(where, 0))
            for where, ledger in self._ledgers.items()
        )
        report.deleted_unread = self._deleted_unread(untold)
        report.outcomes_of_others = await self._outcomes_of_others()
        if report.unanswered_count:
            report.unanswered = await oldest_unanswered(
                self._reader, self._ledgers, boundaries, report.at_ms
            )
        broken = self._reader.broken.told(*self._topics.facts, self._topics.results)
        report.unread |= {f"{topic}-{number}": why for (topic, number), why in broken.items()}

    async def _commits(self) -> Mapping[Partition, int]:
        group = self._settings.worker_group
        try:
            return await self._reader.committed(group)
        except BrokerError as error:
            self.report.unread[f"offsets of group {group}"] = str(error)
            return {}

    def _deleted_unread(self, untold: Container[int]) -> int:
        """Events that retention took before they had an outcome.

        Two witnesses: holes in the results below the log's start, and a committed offset that is
        below it. A partition counts with the larger one.
        """
        committed, lost = self._committed, 0
        for where, log_start in self._log_starts.items():
            ledger = None if where[1] in untold else self._deleted.get(where)
            holes = ledger.unanswered() if ledger else 0
            lost += max(holes, log_start - committed[where] if where in committed else 0)
        return lost

    async def _outcomes_of_others(self) -> int:
        """Offsets whose outcome names an event that is not there, the newest events aside."""
        if not self._strange:
            return 0
        spans = await self._known(self._topics.facts)
        ends = {span.place: span.end for span in spans}
        return sum(
            1
            for where, offsets in self._strange.items()
            for offset in offsets
            if where in self._ledgers
            if self._ledgers[where].start <= offset < self._ledgers[where].end
            or offset >= ends.get(where, sys.maxsize)
        )
