"""Order state in memory, read from `salesforce.state`: the worker's memory of what is written.

Not a Faust table (they lose events at rebalances: kafka reference §1.15). One dict per partition
holds the encoded records. When the first event of a partition arrives in a new group generation,
the topic is read from where this store stopped to its end: whatever another worker wrote in
between is then known. A partition that this worker wrote alone costs nothing to read again,
because its own acknowledged writes move the position.

Read by version, never by position: a worker that the group had expelled may have written an older
state behind a newer one. The newer one counts, and is written again behind it, because compaction
keeps the last and would make the regression permanent.

A log may go back (docs/decisions/0025) and outgrow what was read of it. So reading goes on only
behind the very record that was read last; else everything is read again. What is known stays: it
says what Salesforce has, and what the log has lost of it is written again.

Memory: 375 bytes per order (key, encoded state and dict entry); `python -m bench.state` measures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.handling.state_log import PartitionState, latest_version, read_to_end
from schemas.event import Origin
from schemas.state import State
from schemas.state_order import read_state
from stream.errors import BrokerError, FrozenError, NoLeaderError
from stream.kafka.any_records import UnreadableError
from stream.kafka.closing import stop_consumer
from stream.kafka.log.edges import leaderless_now
from stream.ops import metrics

log = structlog.get_logger()

KEEP_UNOWNED_SECONDS = 600.0
RETRY_SECONDS = 1.0
OTHER_CLOCKS_MS = 60_000

# (partition, key, newest state): what must be written again.
Overwritten = tuple[int, bytes, bytes]


class StateStore:
    """State of the partitions this worker owns."""

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
        self._partitions: dict[int, PartitionState] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._loading = asyncio.Lock()
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
        if consumer := self._consumer:
            self._consumer = None
            await stop_consumer(consumer)

    async def ensure(self, generations: Mapping[int, int]) -> None:
        """Return when the state of each partition is known as of its generation (partition → it).

        While Kafka is away this waits and says so: without the state nothing may be written.
        `check_alive` ends the wait. Raises NoLeaderError for a partition that nobody can read now.
        """
        now = self._clock()
        if self._stale(generations):
            async with self._loading:
                if stale := self._stale(generations):
                    # What comes back now, too: of who was erased meanwhile, the log may have lost
                    # state and tombstone, and what is remembered of them would be written again.
                    self._forget_unowned(now, set(generations.values()))
                    await self._take_in(stale, generations)
        for number in generations:
            self._partitions[number].used_at = now

    def _stale(self, generations: Mapping[int, int]) -> list[int]:
        return [
            number
            for number, generation in generations.items()
            if number not in self._partitions or self._partitions[number].generation != generation
        ]

    async def _take_in(self, stale: list[int], generations: Mapping[int, int]) -> None:
        while True:
            try:
                if self._consumer is None:
                    await self.start()
                overwritten = await self._load(stale)
                break
            except NoLeaderError:
                raise
            except (KafkaError, BrokerError) as error:
                log.warning("state_load_failed", error=str(error), partitions=stale)
                self.check_alive()
                await self.stop()  # a reader that has come to a stand is not asked again
                await asyncio.sleep(RETRY_SECONDS)
        for number in stale:
            self._partitions[number].generation = generations[number]
            self._partitions[number].taken_ms = time.time_ns() // 1_000_000
            self._partitions[number].ahead.clear()
        if overwritten:
            log.error("state_went_back", keys=len(overwritten), partitions=stale)
            if self.restore is not None:
                await self.restore(overwritten)
        metrics.STATE_KEYS.set(self.key_count)

    async def leaderless(self, pairs: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
        """Return which partitions of topics have no leader now, by the cluster's own word."""
        if self._consumer is None:  # another reader is being made
            return []
        return await leaderless_now(self._consumer, [TopicPartition(*pair) for pair in pairs])

    def get(self, partition: int, key: bytes) -> State | None:
        """Return the state of a key, or None when Salesforce has nothing of it.

        Raises FrozenError for a partition that was never read: nothing of it may be written.
        """
        if partition not in self._partitions:
            raise FrozenError(f"the state of partition {partition} is not known")
        value = self._partitions[partition].records.get(key)
        return _parsed(value) if value is not None else None

    def is_inherited(self, origin: Origin) -> bool:
        """Whether a worker before us may have had an event in hand that was first received there.

        Its time is another clock's: what came a little later counts, too.
        """
        held = self._partitions.get(origin.partition)
        return held is None or origin.timestamp_ms < held.taken_ms + OTHER_CLOCKS_MS

    def put(self, partition: int, writes: Iterable[tuple[int, bytes, bytes | None]]) -> None:
        """Remember acknowledged writes: (offset in the state topic, key, value)."""
        held, latest = self._partitions.setdefault(partition, PartitionState()), latest_version()
        for offset, key, value in sorted(writes, key=lambda write: write[0]):
            held.take(key, None if value is None else _compact(value), latest)
            if offset >= held.position:
                held.advance(offset, hash((key, value)))
        metrics.STATE_KEYS.set(self.key_count)

    @property
    def key_count(self) -> int:
        """How many keys are held in memory."""
        return sum(len(held.records) for held in self._partitions.values())

    def _forget_unowned(self, now: float, generations: set[int]) -> None:
        for number, held in list(self._partitions.items()):
            # Of this generation it is held: an event of it may be in hand for hours of an outage.
            is_held = held.generation in generations
            if not is_held and now - held.used_at > KEEP_UNOWNED_SECONDS:
                del self._partitions[number]

    async def _load(self, numbers: list[int]) -> list[Overwritten]:
        """Read partitions to their ends; return the states behind which an older one stands."""
        consumer = self._consumer
        assert consumer is not None
        parts = {
            TopicPartition(self._topic, number): self._partitions.setdefault(
                number, PartitionState()
            )
            for number in numbers
        }
        if without := await leaderless_now(consumer, parts):
            raise NoLeaderError(without)
        started = self._clock()
        try:
            count = await read_to_end(consumer, parts, self.check_alive)
        except UnreadableError as error:  # it waits, all others go on
            raise NoLeaderError([error.place], str(error)) from None
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


# An event's state is asked for at each step of its work; nobody changes one that was read.
@lru_cache(maxsize=1024)
def _parsed(value: bytes) -> State | None:
    state = read_state(value)
    if state is None:  # of its key nothing is known; the org's own rule refuses what is older
        log.error("state_unreadable", bytes=len(value))
    return state


def _compact(value: bytes) -> bytes:
    """Return a copy that takes no more room than it has bytes.

    What orjson writes keeps the buffer it was written into: 4 KB for a state of 200 bytes.
    """
    return bytes(memoryview(value))
