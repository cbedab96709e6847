"""Where a consumer may go on reading: its committed offsets, held against the log as it is now.

Kafka believes any offset that it is given. So before a group's member starts from a committed
offset, and every few seconds while it reads, the records it remembers are compared with those of
the log (`log_witness` decides).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stream.errors import BrokerError
from stream.kafka.log_witness import (
    Reading,
    Rung,
    Witness,
    has_gone_back,
    identity_of,
    resume_offset,
)
from stream.kafka.range_reader import OffsetRange, RangeReader, Record

Place = tuple[str, int]
# Who compares records wants one of each partition; a broker gives at least that.
PROBE_FETCH_BYTES = 1024


@dataclass(frozen=True, slots=True)
class WentBack:
    """A partition whose log is another one than was read."""

    topic: str
    partition: int
    position: int
    resume: int
    log_start: int
    end: int

    @property
    def sentence(self) -> str:
        """What happened and what follows, for logs, alerts and the doctor."""
        why = (
            f"it ends at {self.end}"
            if self.position > self.end
            else "it holds other records than were read"
        )
        return (
            f"{self.topic}-{self.partition} went back: read up to {self.position}, but {why} "
            f"(unclean election, restore, mirror or a topic made again); read again from "
            f"{self.resume}, repeats are recognised"
        )


class Tail:
    """How far each partition of some topics was read, for who follows them from memory."""

    def __init__(self) -> None:
        self._ends: dict[Place, int] = {}
        self._newest: dict[Place, Rung] = {}

    @property
    def has_begun(self) -> bool:
        """Whether anything was read."""
        return bool(self._ends)

    @property
    def ends(self) -> tuple[int, ...]:
        """How far each partition was read, in the order they were met."""
        return tuple(self._ends.values())

    def unread(self, spans: Iterable[OffsetRange]) -> list[OffsetRange]:
        """Return the ranges without what was read."""
        return [
            replace(
                span,
                start=min(max(span.start, self._ends.get(_place(span), 0)), span.end),
            )
            for span in spans
        ]

    def note(self, batch: Sequence[Record]) -> None:
        """Remember the last record of a batch of one partition: it was read up to there."""
        last = batch[-1]
        where = (last.topic, last.partition)
        identity = identity_of(key=last.key, value=last.value, headers=last.headers)
        self._newest[where] = Rung(last.offset, identity)
        self._ends[where] = last.offset + 1

    def note_ends(self, spans: Iterable[OffsetRange]) -> None:
        """Remember that ranges were read to their ends."""
        for span in spans:
            self._ends[_place(span)] = max(span.end, self._ends.get(_place(span), 0))

    async def has_gone_back(self, reader: RangeReader) -> bool:
        """Whether a partition is not the one that was read. Raises BrokerError."""
        readings = {
            place: Reading(end, Witness([newest] if (newest := self._newest.get(place)) else []))
            for place, end in self._ends.items()
        }
        return bool(await find_gone_back(reader, readings))


async def find_gone_back(
    reader: RangeReader, readings: Mapping[Place, Reading]
) -> dict[Place, WentBack]:
    """Return the partitions whose log went back, with where to go on. Raises BrokerError."""
    spans = await _spans(reader, readings)
    wanted = _newest_rungs(readings, spans)
    found = await identities_at(reader, wanted)
    if silent := wanted.keys() - {place for place, _ in found}:  # slow, and no other log for that
        names = ", ".join(f"{topic}-{partition}" for topic, partition in sorted(silent))
        raise BrokerError(f"not compared with what was read: no record came of {names}")
    gone: dict[Place, WentBack] = {}
    for place, span in spans.items():
        reading = readings[place]
        newest = reading.witness.newest
        here = found.get((place, newest.offset)) if newest else None
        if has_gone_back(
            reading.witness, reading.position, log_start=span.log_start, end=span.end, found=here
        ):
            resume = await _resume(reader, place, reading.witness, span)
            gone[place] = WentBack(*place, reading.position, resume, span.log_start, span.end)
    return gone


async def _spans(
    reader: RangeReader, readings: Mapping[Place, Reading]
) -> dict[Place, OffsetRange]:
    topics = sorted({topic for topic, _ in readings})
    spans = await reader.spans(topics) if topics else []
    by_place = {(span.topic, span.partition): span for span in spans}
    return {place: by_place[place] for place in readings if place in by_place}


def _newest_rungs(
    readings: Mapping[Place, Reading], spans: Mapping[Place, OffsetRange]
) -> dict[Place, int]:
    wanted = {}
    for place, span in spans.items():
        newest = readings[place].witness.newest
        if newest is not None and span.log_start <= newest.offset < span.end:
            wanted[place] = newest.offset
    return wanted


async def _resume(reader: RangeReader, place: Place, witness: Witness, span: OffsetRange) -> int:
    """Walk back over the remembered records to one that is still there."""
    found: dict[int, str] = {}
    for rung in reversed(witness.rungs):
        if not span.log_start <= rung.offset < span.end:
            continue
        here = (await identities_at(reader, {place: rung.offset})).get((place, rung.offset))
        if here is not None:
            found[rung.offset] = here
        if here == rung.identity:
            break
    return resume_offset(witness, log_start=span.log_start, end=span.end, found=found)


async def identities_at(
    reader: RangeReader, wanted: Mapping[Place, int]
) -> dict[tuple[Place, int], str]:
    """Return who is at these offsets; an offset without a record is missing."""
    records: Mapping[Place, Record] = await reader.first_records(wanted)
    return {
        (place, record.offset): identity_of(
            key=record.key, value=record.value, headers=record.headers
        )
        for place, record in records.items()
    }


def _place(span: OffsetRange) -> Place:
    return span.topic, span.partition
