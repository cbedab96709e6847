"""One partition of `salesforce.state`: what is known of it, and how its log is read to the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer

from schemas.sender_clock import TOLERANCE_SECONDS, utc_text
from schemas.state_order import goes_back
from stream.errors import BrokerError
from stream.kafka.log.edges import log_edges, refuse_silence

log = structlog.get_logger()

PROGRESS_RECORDS = 200_000
POLL_MS, MOST_POLLS = 500, 20
MOST_AHEAD = 10_000

Witness = int


@dataclass(slots=True)
class PartitionState:
    generation: int = -1
    position: int = 0
    records: dict[bytes, bytes] = field(default_factory=dict)
    used_at: float = 0.0
    taken_ms: int = 0  # by the clock on the wall
    # Our writes behind one not yet acknowledged.
    ahead: dict[int, Witness] = field(default_factory=dict)
    last: Witness | None = None  # of the record at position - 1
    expected: int | None = None  # where a reading must find that record first
    # Keys of which the log has an older record last, or none any more.
    overwritten: set[bytes] = field(default_factory=set)

    def advance(self, offset: int, witness: Witness) -> None:
        """Note that the record at an offset is known. Acks of several batches come in any order."""
        self.ahead[offset] = witness
        while self.position in self.ahead:
            self.last = self.ahead.pop(self.position)
            self.position += 1
        if len(self.ahead) > MOST_AHEAD:  # somebody else writes too: read it again next time
            self.ahead.clear()

    def start(self, begin: int, end: int) -> int:
        """Return where to read from: the record that was read last, if it may be there still."""
        if self.last is None or not begin < self.position <= end:
            return self.read_again(begin)
        self.expected = self.position - 1
        return self.expected

    def read_again(self, begin: int) -> int:
        """Begin at the start of the log; what it has no record of any more is to be written."""
        self.expected, self.last, self.position = None, None, begin
        self.overwritten = set(self.records)
        return begin

    def read(self, records: Sequence[Any], latest: str) -> bool:
        """Take in records as they come; False: the log is not the one that was read before."""
        for record in records:
            if self.expected is not None:
                if record.offset != self.expected or self.last != _witness(record):
                    return False
                self.expected = None
                continue
            self.take(record.key, record.value, latest)
            self.position, self.last = record.offset + 1, _witness(record)
        return True

    def take(self, key: bytes | None, value: bytes | None, latest: str) -> None:
        """Take in a record, unless it is older than what is known of its key."""
        if key is None:
            return
        self.overwritten.discard(key)
        if value is None:
            self.records.pop(key, None)
        elif (known := self.records.get(key)) is not None and goes_back(known, value, latest):
            self.overwritten.add(key)
        else:
            self.records[key] = value


async def read_to_end(
    consumer: AIOKafkaConsumer, parts: dict[Any, PartitionState], check_alive: Callable[[], None]
) -> int:
    """Read each partition to its end; return how many records came. Raises BrokerError."""
    edges = await log_edges(consumer, parts)
    ends = {tp: edge.end for tp, edge in edges.items()}
    starts = {tp: held.start(edges[tp].begin, ends[tp]) for tp, held in parts.items()}
    count, latest = 0, latest_version()
    reading = {tp for tp, start in starts.items() if start < ends[tp]}
    if reading:  # aiokafka's fetcher dies of an assignment that is gone before it has looked
        consumer.assign(list(reading))
    for tp in reading:
        consumer.seek(tp, starts[tp])
    while reading:
        left = {tp: ends[tp] for tp in reading}
        for tp, records in (await _fetched(consumer, left, check_alive)).items():
            if not parts[tp].read(records, latest):
                log.error("state_log_went_back", partition=tp.partition)
                consumer.seek(tp, parts[tp].read_again(edges[tp].begin))
            count += len(records)
            if count % PROGRESS_RECORDS < len(records):
                log.info("state_loading", records=count, partition=tp.partition)
        for tp in list(reading):
            if await consumer.position(tp) < ends[tp]:
                continue
            if parts[tp].expected is None:
                reading.discard(tp)
            else:  # compaction may have taken the record that was read last
                consumer.seek(tp, parts[tp].read_again(edges[tp].begin))
    return count


async def _fetched(
    consumer: AIOKafkaConsumer, left: Mapping[Any, int], check_alive: Callable[[], None]
) -> Mapping[Any, list[Any]]:
    """Return the next records; none, where compaction has left none. Raises BrokerError."""
    positions = {tp: await consumer.position(tp) for tp in left}
    for _ in range(MOST_POLLS):
        fetched = await consumer.getmany(*left, timeout_ms=POLL_MS)
        if fetched or positions != {tp: await consumer.position(tp) for tp in left}:
            return dict(fetched)
        check_alive()
        await refuse_silence(consumer, left)
    raise BrokerError(f"nothing comes of the order state: {[tp.partition for tp in left]}")


def _witness(record: Any) -> Witness:
    """Return what tells a record from another one at its offset."""
    return hash((record.key, record.value))


def latest_version() -> str:
    """Return the newest version that anybody may have given by now."""
    return utc_text(int((time.time() + TOLERANCE_SECONDS) * 1000))
