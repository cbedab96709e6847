"""The events without an outcome: the oldest, which a report lists, and those that nobody holds.

Workers commit what has its outcome on disk. So an event below their commit without one has lost it:
the results' log was cut, or the commit was set past the event by hand. Nobody works on it any more,
and nobody will: a person has it read again (`orderstream replay --missing`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from schemas.result import read_result
from stream.audit.outcome_bitmap import OutcomeBitmap
from stream.audit.report import Unanswered
from stream.config import Settings
from stream.errors import BrokerError
from stream.kafka.log.range_reader import RangeReader, Record, record_envelope
from stream.topics import Topics

LISTED_EVENTS = 100  # ids in the report; the count is exact
Place = tuple[str, int]  # topic, partition
Event = tuple[str, int, int]  # and offset
Runs = list[tuple[int, int]]  # offsets [first, behind)


class PassedOver:
    """Events of which nobody may know; a byte for each event of a partition that has one."""

    def __init__(self, ledgers: Mapping[Place, OutcomeBitmap]) -> None:
        self._ledgers = ledgers
        self._marks: dict[Place, bytearray] = {}

    def add(self, topic: str, number: int, offset: int) -> None:
        where, ledger = (topic, number), self._ledgers[topic, number]
        if where not in self._marks:
            self._marks[where] = bytearray(len(ledger.marks))
        self._marks[where][offset - ledger.start] = 1

    def discard(self, topic: str, number: int, offset: int) -> None:
        marks = self._marks.get((topic, number), bytearray())
        if marks and 0 <= (index := offset - self._ledgers[topic, number].start) < len(marks):
            marks[index] = 0

    @property
    def numbers(self) -> set[int]:
        """The numbers of their partitions."""
        return {number for (_, number), marks in self._marks.items() if 1 in marks}

    def named(self) -> dict[str, dict[str, Runs]]:
        """Return them by topic and partition: offsets [first, behind)."""
        found: dict[str, dict[str, Runs]] = {}
        for (topic, number), marks in sorted(self._marks.items()):
            start = self._ledgers[topic, number].start
            if runs := [(start + at, start + to) for at, to in _runs(marks)]:
                found.setdefault(topic, {})[str(number)] = runs
        return found


def passed_over(
    ledgers: Mapping[Place, OutcomeBitmap],
    committed: Mapping[Place, int],
    untold: Container[int],
    *,
    is_window: bool = False,
) -> PassedOver:
    """Return the events without an outcome that workers have committed.

    `committed` is of before the outcomes were read; one beyond the end of its log is of another
    log, and nobody has read this one (`is_window`: the ends are not the logs').
    `untold`: partitions whose outcomes cannot be read.
    """
    found = PassedOver(ledgers)
    for where, ledger in ledgers.items():
        passed = committed.get(where, 0)
        if where[1] in untold or (passed > ledger.end and not is_window):
            continue
        for offset, _ in ledger.unanswered_events():
            if offset < passed:
                found.add(*where, offset)
    return found


async def in_no_hands(
    reader: RangeReader,
    topics: Topics,
    lost: PassedOver,
    committed: Mapping[Place, int],
    read_to: Mapping[Place, int],
) -> dict[str, dict[str, Runs]]:
    """Return those that nobody holds, by topic and partition: offsets [first, behind).

    A person may have sent them again: those wait for a worker, or have said so since the results
    were read (`read_to`: to where). So may a retry that was waiting then.
    """
    async for record in _behind(committed, reader, topics.due, lost.numbers):
        if (origin := record_envelope(record).origin) is not None:
            lost.discard(origin.topic, origin.partition, origin.offset)
    async for record in _behind(read_to, reader, topics.results, lost.numbers):
        with suppress(ValueError):
            said = read_result(record.value)
            lost.discard(said["origin_topic"], said["origin_partition"], said["origin_offset"])
    return lost.named()


async def _behind(
    places: Mapping[Place, int], reader: RangeReader, topic: str, numbers: set[int]
) -> AsyncIterator[Record]:
    spans, _ = await reader.known_spans([topic], partitions=numbers) if numbers else ([], {})
    new = [replace(span, start=max(span.start, places.get(span.place, 0))) for span in spans]
    async for batch in reader.read([span for span in new if span.size]):
        for record in batch:
            yield record


async def gone_retries(
    reader: RangeReader, settings: Settings, overdue: Sequence[Event]
) -> list[Event]:
    """Return the overdue events whose retry is in no topic: nothing waits in their partitions.

    Where something waits (the relay is down), theirs may be among it.
    """
    if not overdue:
        return []
    topics = settings.topics
    tiers = [*await reader.topics_starting(topics.retry_prefix), topics.settle]
    try:
        read = {
            settings.relay_group: await reader.committed(settings.relay_group),
            settings.worker_group: await reader.committed(settings.worker_group),
        }
    except BrokerError:
        return []
    spans, silent = await reader.known_spans([*tiers, topics.due])
    holding = {number for _, number in silent}
    for span in spans:
        group = settings.worker_group if span.topic == topics.due else settings.relay_group
        if max(read[group].get(span.place, 0), span.log_start) < span.end:
            holding.add(span.partition)
    return [place for place in overdue if place[1] not in holding]


def _runs(marks: bytearray) -> Iterator[tuple[int, int]]:
    at = marks.find(1)
    while at >= 0:
        to = marks.find(0, at)
        to = len(marks) if to < 0 else to
        yield at, to
        at = marks.find(1, to)


async def oldest_unanswered(
    reader: RangeReader,
    ledgers: Mapping[Place, OutcomeBitmap],
    boundaries: Mapping[Place, int],
    at_ms: int,
) -> list[Unanswered]:
    """Return them; what is below its partition's boundary is overdue. Raises BrokerError."""
    queues = {
        where: (offset for offset, _ in ledger.unanswered_events())
        for where, ledger in ledgers.items()
    }
    listed: list[Unanswered] = []
    while queues and len(listed) < LISTED_EVENTS:
        heads = {where: next(queue, None) for where, queue in queues.items()}
        queues = {where: queues[where] for where, head in heads.items() if head is not None}
        wanted = {where: head for where, head in heads.items() if head is not None}
        for where, record in (await reader.first_records(wanted)).items():
            if record.offset == wanted[where]:
                listed.append(_line(record, boundaries.get(where, 0), at_ms))
    listed.sort(key=lambda event: -event.age_seconds)
    return listed[:LISTED_EVENTS]


def _line(record: Record, boundary: int, at_ms: int) -> Unanswered:
    envelope = record_envelope(record)
    return Unanswered(
        event_id=envelope.event_id,
        key=envelope.key,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        age_seconds=max(0, at_ms - record.timestamp) / 1000,
        is_overdue=record.offset < boundary,
    )
