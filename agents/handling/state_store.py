"""Order state in memory, read from `salesforce.state`: the worker's memory of what is written.

Not a Faust table (they lose events at rebalances: kafka reference §1.15). One dict per partition
holds the encoded records. When the first event of a partition arrives in a new group generation,
the topic is read from where this store stopped to its end: whatever another worker wrote in
between is then known. A partition that this worker wrote alone costs nothing to read again,
because its own acknowledged writes move the position.

Read by version, never by position: a worker that the group had expelled may have written an older
state behind a newer one. The newer one counts, and is written again behind it, because compaction
keeps the last and would make the regression permanent.

A log may go back (docs/decisions/0025), and then outgrow what was read of it. So reading goes on
only behind the very record that was read last; where that one is not, everything is read again.
What is known stays: it says what Salesforce has, whatever became of the log, and what the log has
lost of it is written again.

Memory: 375 bytes per order (key, encoded state and dict entry); `python -m bench.state` measures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.handling.state_order import goes_back
from schemas.sender_clock import TOLERANCE_SECONDS, utc_text
from schemas.state import State
from stream.errors import BrokerError
from stream.kafka.consumer_stop import stop_consumer
from stream.kafka.log_edges import log_edges, why_silent
from stream.ops import metrics

log = structlog.get_logger()

KEEP_UNOWNED_SECONDS = 600.0
RETRY_SECONDS = 1.0
PROGRESS_RECORDS = 200_000
POLL_MS, MOST_POLLS = 500, 20
MOST_AHEAD = 10_000

Witness = int
# (partition, key, newest state): what must be written again.
Overwritten = tuple[int, bytes, bytes]


@dataclass(slots=True)
class _Partition:
    generation: int = -1
    position: int = 0
    records: dict[bytes, bytes] = field(default_factory=dict)
    used_at: float = 0.0
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


class StateStore:
    """State of the partitions this worker owns. Not safe for concurrent `ensure` calls."""

    def __init__(
        self,
        *,
        topic: str,
        connection: Mapping[str, Any],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = topic
        self._connection = connection
        self._clock = clock
        self._partitions: dict[int, _Partition] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self.check_alive: Callable[[], None] = lambda: None
        self.restore: Callable[[Sequence[Overwritten]], Awaitable[None]] | None = None

    async def start(self) -> None:
        """Connect the reader. Raises KafkaError."""
        consumer = AIOKafkaConsumer(
            **self._connection,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a log that has gone back is an error, not another place
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=100,
        )
        try:
            await consumer.start()
        except KafkaError:
            await stop_consumer(consumer)
            raise
        self._consumer = consumer

    async def stop(self) -> None:
        """Disconnect."""
        if consumer := self._consumer:
            self._consumer = None
            await stop_consumer(consumer)

    async def ensure(self, generations: Mapping[int, int]) -> None:
        """Return when the state of each partition is known as of its generation (partition → it).

        Without it nothing may be written: while Kafka is away this waits, or `check_alive` ends it.
        """
        stale = [
            number
            for number, generation in generations.items()
            if self._partitions.setdefault(number, _Partition()).generation != generation
        ]
        now = self._clock()
        for number in generations:
            self._partitions[number].used_at = now
        if not stale:
            return
        self._forget_unowned(now)
        while True:
            try:
                if self._consumer is None:
                    await self.start()
                overwritten = await self._load(stale)
                break
            except (KafkaError, BrokerError) as error:
                log.warning("state_load_failed", error=str(error), partitions=stale)
                self.check_alive()
                await self.stop()  # a reader that has come to a stand is not asked again
                await asyncio.sleep(RETRY_SECONDS)
        for number in stale:
            self._partitions[number].generation = generations[number]
            self._partitions[number].ahead.clear()
        if overwritten:
            log.error("state_went_back", keys=len(overwritten), partitions=stale)
            if self.restore is not None:
                await self.restore(overwritten)
        metrics.STATE_KEYS.set(self.key_count)

    def get(self, partition: int, key: bytes) -> State | None:
        """Return the state of a key, or None when Salesforce has nothing of it."""
        value = self._partitions[partition].records.get(key)
        return State.from_bytes(value) if value is not None else None

    def put(self, partition: int, writes: Iterable[tuple[int, bytes, bytes | None]]) -> None:
        """Remember acknowledged writes: (offset in the state topic, key, value)."""
        held, latest = self._partitions.setdefault(partition, _Partition()), _latest_version()
        for offset, key, value in sorted(writes, key=lambda write: write[0]):
            held.take(key, None if value is None else _compact(value), latest)
            if offset >= held.position:
                held.advance(offset, hash((key, value)))
        metrics.STATE_KEYS.set(self.key_count)

    @property
    def key_count(self) -> int:
        """How many keys are held in memory."""
        return sum(len(held.records) for held in self._partitions.values())

    def _forget_unowned(self, now: float) -> None:
        for number, held in list(self._partitions.items()):
            if now - held.used_at > KEEP_UNOWNED_SECONDS:
                del self._partitions[number]

    async def _load(self, numbers: list[int]) -> list[Overwritten]:
        """Read partitions to their ends; return the states behind which an older one stands."""
        consumer = self._consumer
        assert consumer is not None
        parts = {
            TopicPartition(self._topic, number): self._partitions[number] for number in numbers
        }
        started = self._clock()
        try:
            count = await _read_to_end(consumer, parts, self.check_alive)
        finally:
            consumer.unsubscribe()
        seconds = self._clock() - started
        metrics.STATE_LOAD_SECONDS.observe(seconds)
        log.info("state_loaded", records=count, partitions=numbers, seconds=round(seconds, 3))
        return [
            (tp.partition, key, held.records[key])
            for tp, held in parts.items()
            for key in held.overwritten
        ]


async def _read_to_end(
    consumer: AIOKafkaConsumer, parts: dict[Any, _Partition], check_alive: Callable[[], None]
) -> int:
    """Read each partition from where it was read to its end; return how many records came.

    Raises KafkaError or BrokerError when a log is cut meanwhile: then all is asked again.
    """
    edges = await log_edges(consumer, parts)
    ends = {tp: edge.end for tp, edge in edges.items()}
    starts = {tp: held.start(edges[tp].begin, ends[tp]) for tp, held in parts.items()}
    count, latest = 0, _latest_version()
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
        await why_silent(consumer, left)
    raise BrokerError(f"nothing comes of the order state: {[tp.partition for tp in left]}")


def _witness(record: Any) -> Witness:
    """Return what tells a record from another one at its offset."""
    return hash((record.key, record.value))


def _latest_version() -> str:
    """Return the newest version that anybody may have given by now."""
    return utc_text(int((time.time() + TOLERANCE_SECONDS) * 1000))


def _compact(value: bytes) -> bytes:
    """Return a copy that takes no more room than it has bytes.

    What orjson writes keeps the buffer it was written into: 4 KB for a state of 200 bytes.
    """
    return bytes(memoryview(value))
