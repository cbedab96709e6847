"""The retry relay: waits, so that no agent has to.

A plain consumer of the retry tiers and the settle topic. Each partition's head is the first due
(one delay per topic), so a partition whose head is not due yet is paused and sought back to it; a
due record is forwarded to `salesforce.due` with its partition number, key, bytes and headers, and
its offset is committed after the broker acknowledged the copy. Killed in between, it is forwarded
twice, which the version guard recognises. Of its partition nothing is read meanwhile (`forwards`).

A log may go back (docs/decisions/0025). So nothing of a partition is forwarded before its committed
offset was held against the log: the loop itself does that whenever the group's generation is
another one, or when `read_log` has noticed something. (Not in a rebalance listener: what it would
ask the coordinator waits for the rebalance that waits for the listener.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata

from stream.kafka.any_records import UnreadableError
from stream.kafka.closing import stop_consumer
from stream.kafka.error_text import error_text
from stream.kafka.group_answers import commit_what_is_there, go_on, has_ended, heed_errors
from stream.kafka.log.range_reader import record_envelope
from stream.kafka.log.read_log import START_SECONDS, ReadLog
from stream.kafka.publisher import Record
from stream.ops import metrics
from stream.ops.background import set_within
from stream.retry.forwards import MOMENT_SECONDS, Forwards, PublishAll
from stream.retry.longest_waits import LongestWaits
from stream.topics import Topics

log = structlog.get_logger()

POLL_TIMEOUT_MS = 200
MAX_POLL_RECORDS = 500
RETRY_SECONDS = 1.0
# A broker outage blocks `_forward`; leaving the group for it would help nobody.
MAX_POLL_INTERVAL_MS = 24 * 60 * 60 * 1000
# A tier that was deleted and made again is noticed by this, not before: five minutes by default.
METADATA_MS = 15_000
NO_GENERATION = -1
LOOK_AGAIN_MS = 30_000  # at a place that is broken in the log


def due_split(due_at_ms: Sequence[int], now_ms: int) -> tuple[int, int | None]:
    """Return how many records from the head are due, and when the next one is (None: all are)."""
    for position, moment in enumerate(due_at_ms):
        if moment > now_ms:
            return position, moment
    return len(due_at_ms), None


class Relay:
    """Forwards due records until told to stop. Any number may run in one group."""

    def __init__(
        self,
        *,
        topics: Topics,
        group: str,
        connection: Mapping[str, Any],
        publish_all: PublishAll,
        read_log: ReadLog,
        longest: LongestWaits,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._topics = topics
        self._forwards = Forwards(publish_all)
        self._read_log = read_log
        self._longest = longest
        self._clock_ms = clock_ms
        self._wake_at: dict[TopicPartition, int] = {}
        self._broken: dict[TopicPartition, int] = {}
        self._taken_in = NO_GENERATION
        self._next: dict[TopicPartition, int] = {}
        self._connection = {**connection, "group_id": group}
        self._consumer = self._new_consumer()
        self.is_ready = False

    def _new_consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            *self._topics.retry_tiers,
            self._topics.settle,
            **self._connection,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=MAX_POLL_RECORDS,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            metadata_max_age_ms=METADATA_MS,
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Forward until `stopping` is set; survives broker outages."""
        while not stopping.is_set():
            try:
                await self._start()
                break
            except KafkaError as error:
                log.warning("relay_waits_for_kafka", error=str(error))
                await set_within(stopping, RETRY_SECONDS)
        try:
            self.is_ready = True
            while not stopping.is_set():
                try:
                    if has_ended(self._consumer):
                        await self._renew()
                    await self._turn()
                except (CommitFailedError, IllegalStateError) as error:
                    log.warning("relay_rebalanced", error=str(error))
                    await self.take_again()
                except KafkaError as error:
                    log.warning("relay_kafka_error", error=error_text(error, operation="Read"))
                    go_on(self._coordinator)
                    await set_within(stopping, RETRY_SECONDS)
            await self._last_turn()
        finally:
            self.is_ready = False
            await self._forwards.stop()
            await stop_consumer(self._consumer)

    async def _renew(self) -> None:
        log.error("relay_reader_ended")
        await stop_consumer(self._consumer)
        self._consumer = self._new_consumer()
        await self.take_again()
        await self._start()

    async def _start(self) -> None:
        await self._consumer.start()
        heed_errors(self._coordinator)

    async def take_again(self) -> None:
        """Have all partitions held against their logs before anything more is forwarded."""
        self._taken_in = NO_GENERATION

    async def _turn(self) -> None:
        if not self._is_taken:
            await self._take()
        await self._commit_forwarded()
        if self._forwards.is_full and self._is_taken:
            await self._forwards.next_end(MOMENT_SECONDS)
            return
        self._wake_due_partitions()
        generation = self._taken_in
        try:
            batches = await self._consumer.getmany(timeout_ms=POLL_TIMEOUT_MS)
        except KafkaError as error:
            if isinstance(error, UnreadableError):  # it waits, all others go on
                self._broken[TopicPartition(*error.place)] = self._clock_ms() + LOOK_AGAIN_MS
            await self.take_again()  # what it had read before the error, it does not give again
            raise
        if generation != self._generation:
            return  # what was fetched may be of a log that nobody has looked at: it is sought again
        for tp, records in batches.items():
            if tp in self._forwards or tp not in self._next:
                await self.take_again()  # its assignment came later than its generation
                return
            if records[0].offset < self._next[tp]:
                # aiokafka starts over by itself where an offset is out of range.
                log.warning("log_suspected", topic=tp.topic, partition=tp.partition)
                await self.take_again()
                return
        for tp, records in batches.items():
            self._forward(tp, records)
        await self._forwards.moment()
        await self._commit_forwarded()

    async def _last_turn(self) -> None:
        """Wait for what is on its way; whoever stops the process ends this in time."""
        with suppress(KafkaError):
            while self._forwards and self._is_taken:
                await self._forwards.next_end()
                await self._commit_forwarded()

    async def _commit_forwarded(self) -> None:
        """Commit what is acknowledged, and read on there; first comes whose the partitions are."""
        if not self._is_taken:
            return
        if ended := self._forwards.ended():
            await self._commit({tp: forward.end for tp, forward in ended.items()})
        for tp, forward in ended.items():
            self._forwards.forget(tp)
            metrics.RELAYED.labels(tp.topic).inc(forward.count)
            if tp not in self._wake_at:
                self._consumer.resume(tp)

    @property
    def _is_taken(self) -> bool:
        return self._taken_in == self._generation != NO_GENERATION

    @property
    def _generation(self) -> int:
        return int(getattr(self._coordinator, "generation", NO_GENERATION))

    @property
    def _coordinator(self) -> Any:
        # aiokafka has no public word for the generation and the texts of commits.
        return self._consumer._coordinator  # noqa: SLF001 - test_private_names.py holds the name

    async def _take(self) -> None:
        """Go to where each partition is read on: its committed offset, or before a cut."""
        generation = self._generation
        assigned = list(self._consumer.assignment())
        if not assigned or generation == NO_GENERATION:
            return
        found = await self._coordinator.fetch_committed_offsets(assigned)
        committed = {tp: found[tp].offset if tp in found else 0 for tp in assigned}
        texts = {tp: said.metadata for tp, said in found.items()}
        healed = await self._read_log.healed(committed, texts)
        if generation != self._generation:
            return
        self._wake_at = {tp: at for tp, at in self._broken.items() if tp in assigned}
        self._longest.clear()
        self._consumer.resume(*(tp for tp in assigned if tp not in self._wake_at))
        self._consumer.pause(*self._wake_at)
        self._next = {tp: max(healed.get(tp, committed[tp]), 0) for tp in assigned}
        for tp, forward in self._forwards.keep(self._next, but=healed).items():
            self._next[tp] = forward.end
            self._read_log.note(tp, forward.last)  # it was forgotten with all that is uncommitted
            self._consumer.pause(tp)
        for tp, offset in self._next.items():
            if offset:
                self._consumer.seek(tp, offset)
        if unread := [tp for tp in assigned if not self._next[tp]]:
            # Without a leader it takes effect later: the other partitions do not wait for it.
            with suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS):
                    await self._consumer.seek_to_beginning(*unread)
        if healed:
            await self._commit(healed)
        self._taken_in = generation

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        await commit_what_is_there(
            self._consumer,
            {
                tp: OffsetAndMetadata(offset, self._read_log.metadata(tp, offset))
                for tp, offset in offsets.items()
            },
        )

    def _wake_due_partitions(self) -> None:
        assigned = self._consumer.assignment()
        now = self._clock_ms()
        for tp, moment in list(self._wake_at.items()):
            if tp not in assigned:
                del self._wake_at[tp]
            elif tp not in self._forwards and (moment <= now or self._longest.is_over(tp)):
                self._consumer.resume(tp)
                del self._wake_at[tp]

    def _forward(self, tp: TopicPartition, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        due, next_at = due_split([self._due_at_ms(tp, r) for r in records], self._clock_ms())
        for record in records[: due + 1]:  # the head that waits, too: it shows a log that went back
            self._read_log.note(tp, record)
        if next_at is not None:
            self._read_log.caught_up(tp)
            end = max(self._consumer.highwater(tp) or 0, records[-1].offset + 1)
            self._longest.wait(tp, records[due].offset, end)
            self._consumer.pause(tp)
            self._consumer.seek(tp, records[due].offset)
            self._wake_at[tp] = next_at
        if due:
            start, last = self._next.get(tp, records[0].offset), records[due - 1]
            self._forwards.begin(tp, start, last, [self._copy(r) for r in records[:due]])
            self._next[tp] = last.offset + 1
            self._consumer.pause(tp)

    def _due_at_ms(self, tp: TopicPartition, record: ConsumerRecord[bytes, bytes]) -> int:
        """Return when a record is due; one without our header is due at once."""
        if self._longest.is_over(tp, record.offset):
            return 0
        return record_envelope(record).not_before_ms or 0

    def _copy(self, record: ConsumerRecord[bytes, bytes]) -> Record:
        return Record(
            topic=self._topics.due,
            key=record.key,
            value=record.value,
            headers=tuple(record.headers),
            partition=record.partition,
        )
