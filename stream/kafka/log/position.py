"""Where a consumer may go on reading: its committed offsets, held against the log as it is now.

Kafka believes any offset that it is given. So before a group's member starts from a committed
offset, and every few seconds while it reads, the records it remembers are compared with those of
the log (`log_witness` decides).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from stream.errors import BrokerError
from stream.kafka.log.leader_questions import ANSWER_SECONDS, name_silent
from stream.kafka.log.range_reader import OffsetRange, RangeReader, Record
from stream.kafka.log_witness import (
    Reading,
    Rung,
    Witness,
    has_gone_back,
    identity_of,
    resume_offset,
)

Place = tuple[str, int]
# Who compares records wants one of each partition; a broker gives at least that.
PROBE_FETCH_BYTES = 1024
RECORD_SECONDS = 5.0


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
                start=min(max(span.start, self._ends.get(span.place, 0)), span.end),
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
            self._ends[span.place] = max(span.end, self._ends.get(span.place, 0))

    async def compared(self, reader: RangeReader) -> Comparison:
        """Compare what was read with the logs as they are. Raises BrokerError."""
        readings = {
            place: Reading(end, Witness([newest] if (newest := self._newest.get(place)) else []))
            for place, end in self._ends.items()
        }
        return await find_gone_back(reader, readings)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The partitions whose log went back, and those of which it is not known, with the reason."""

    gone: dict[Place, WentBack]
    silent: dict[Place, str]

    def refuse_silence(self) -> None:
        """Raise BrokerError when one was not compared: who needs all of them cannot go on."""
        if self.silent:
            raise BrokerError(f"not compared with what was read: {name_silent(self.silent)}")


async def find_gone_back(
    reader: RangeReader, readings: Mapping[Place, Reading], *, seconds: float = ANSWER_SECONDS
) -> Comparison:
    """Return whose log went back, with where to go on; one that is silent hides no other.

    `seconds`: how long a partition may take to answer. Raises BrokerError when Kafka does not.
    """
    spans, silent = await _spans(reader, readings, seconds)
    wanted = _newest_rungs(readings, spans)
    found = await _newest_identities(reader, wanted, seconds)
    answered = {place for place, _ in found}
    gone: dict[Place, WentBack] = {}
    for place, span in spans.items():
        reading = readings[place]
        newest = reading.witness.newest
        here = found.get((place, newest.offset)) if newest else None
        if place in wanted and place not in answered:  # slow, and no other log for that
            silent[place] = "no record came"
        elif has_gone_back(
            reading.witness, reading.position, log_start=span.log_start, end=span.end, found=here
        ):
            resume = await _resume(reader, place, reading.witness, span)
            gone[place] = WentBack(*place, reading.position, resume, span.log_start, span.end)
    return Comparison(gone, silent)


async def _spans(
    reader: RangeReader, readings: Mapping[Place, Reading], seconds: float
) -> tuple[dict[Place, OffsetRange], dict[Place, str]]:
    topics = sorted({topic for topic, _ in readings})
    spans, silent = await reader.known_spans(topics, seconds) if topics else ([], {})
    by_place = {span.place: span for span in spans}
    return (
        {place: by_place[place] for place in readings if place in by_place},
        {place: silent[place] for place in readings if place in silent},
    )


def _newest_rungs(
    readings: Mapping[Place, Reading], spans: Mapping[Place, OffsetRange]
) -> dict[Place, int]:
    wanted = {}
    for place, span in spans.items():
        newest = readings[place].witness.newest
        if newest is not None and span.log_start <= newest.offset < span.end:
            wanted[place] = newest.offset
    return wanted


async def _newest_identities(
    reader: RangeReader, wanted: Mapping[Place, int], seconds: float
) -> dict[tuple[Place, int], str]:
    """Return who is at these offsets: asked together, and if that fails each by itself."""
    try:
        return await identities_at(reader, wanted, seconds=seconds)
    except BrokerError:
        found: dict[tuple[Place, int], str] = {}
        for place, offset in wanted.items():
            with suppress(BrokerError):
                found |= await identities_at(reader, {place: offset}, seconds=seconds)
        return found


async def _resume(reader: RangeReader, place: Place, witness: Witness, span: OffsetRange) -> int:
    """Walk back over the remembered records to one that is still there."""
    found: dict[int, str] = {}
    for rung in reversed(witness.rungs):
        if not span.log_start <= rung.offset < span.end:
            continue
        with suppress(BrokerError):  # then from further back: what is read twice is recognised
            here = await identities_at(reader, {place: rung.offset})
            found |= {offset: identity for (_, offset), identity in here.items()}
        if found.get(rung.offset) == rung.identity:
            break
    return resume_offset(witness, log_start=span.log_start, end=span.end, found=found)


async def identities_at(
    reader: RangeReader, wanted: Mapping[Place, int], *, seconds: float = RECORD_SECONDS
) -> dict[tuple[Place, int], str]:
    """Return who is at these offsets; an offset without a record is missing."""
    records: Mapping[Place, Record] = await reader.first_records(wanted, timeout_seconds=seconds)
    return {
        (place, record.offset): identity_of(
            key=record.key, value=record.value, headers=record.headers
        )
        for place, record in records.items()
    }
