"""The retry relay: waits, so that no agent has to.

A plain consumer of the retry tiers and the settle topic. Each partition's head is the first due
(one delay per topic), so a partition whose head is not due yet is paused and sought back to it; a
due record is forwarded to `salesforce.due` with its partition number, key, bytes and headers, and
its offset is committed after the broker acknowledged the copy. Killed in between, a record is
forwarded twice, and the version guard recognises the second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord

from schemas.headers import envelope_of
from stream.kafka.consumer_stop import stop_consumer
from stream.kafka.publisher import Ack, Record
from stream.ops import metrics
from stream.topics import Topics

log = structlog.get_logger()

POLL_TIMEOUT_MS = 200
MAX_POLL_RECORDS = 500
RETRY_SECONDS = 1.0
# A broker outage blocks `_forward`; leaving the group for it would help nobody.
MAX_POLL_INTERVAL_MS = 24 * 60 * 60 * 1000
# A tier that was deleted and made again is noticed by this, not before: five minutes by default.
METADATA_MS = 15_000

PublishAll = Callable[[Sequence[Record]], Awaitable[Sequence[Ack]]]


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
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._topics = topics
        self._publish_all = publish_all
        self._clock_ms = clock_ms
        self._wake_at: dict[TopicPartition, int] = {}
        self._consumer = AIOKafkaConsumer(
            *topics.retry_tiers,
            topics.settle,
            **connection,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=MAX_POLL_RECORDS,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            metadata_max_age_ms=METADATA_MS,
        )
        self.is_ready = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Forward until `stopping` is set; survives broker outages."""
        while not stopping.is_set():
            try:
                await self._consumer.start()
                break
            except KafkaError as error:
                log.warning("relay_waits_for_kafka", error=str(error))
                await _wait(stopping, RETRY_SECONDS)
        try:
            self.is_ready = True
            while not stopping.is_set():
                try:
                    await self._turn()
                except (CommitFailedError, IllegalStateError) as error:
                    log.warning("relay_rebalanced", error=str(error))
                    self._wake_at.clear()
                except KafkaError as error:
                    log.warning("relay_kafka_error", error=str(error))
                    await _wait(stopping, RETRY_SECONDS)
        finally:
            self.is_ready = False
            await stop_consumer(self._consumer)

    async def _turn(self) -> None:
        self._wake_due_partitions()
        batches = await self._consumer.getmany(timeout_ms=POLL_TIMEOUT_MS)
        commits: dict[TopicPartition, int] = {}
        for tp, records in batches.items():
            forwarded = await self._forward(tp, records)
            if forwarded:
                commits[tp] = records[forwarded - 1].offset + 1
        if commits:
            await self._consumer.commit(commits)

    def _wake_due_partitions(self) -> None:
        assigned = self._consumer.assignment()
        now = self._clock_ms()
        for tp, moment in list(self._wake_at.items()):
            if tp not in assigned:
                del self._wake_at[tp]
            elif moment <= now:
                self._consumer.resume(tp)
                del self._wake_at[tp]

    async def _forward(
        self, tp: TopicPartition, records: Sequence[ConsumerRecord[bytes, bytes]]
    ) -> int:
        due, next_at = due_split([_due_at_ms(record) for record in records], self._clock_ms())
        if next_at is not None:
            self._consumer.pause(tp)
            self._consumer.seek(tp, records[due].offset)
            self._wake_at[tp] = next_at
        if due:
            await self._publish_all([self._copy(record) for record in records[:due]])
            metrics.RELAYED.labels(tp.topic).inc(due)
        return due

    def _copy(self, record: ConsumerRecord[bytes, bytes]) -> Record:
        return Record(
            topic=self._topics.due,
            key=record.key,
            value=record.value,
            headers=tuple(record.headers),
            partition=record.partition,
        )


def _due_at_ms(record: ConsumerRecord[bytes, bytes]) -> int:
    """Return when a record is due; one without our header is due at once."""
    envelope = envelope_of(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )
    return envelope.not_before_ms or 0


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
