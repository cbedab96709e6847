"""Bounded reads: everything between two points of some topics, and then an end.

Audit, trace, lag, dead letters and replays all read history while the pipe goes on writing it.
The end offsets are taken once, at the start, so no reader chases itself. A partition is done when
the *position* has reached its end: compaction, transaction markers and retention leave offsets that
never come. A log that is cut never reaches its end: a silence is asked about. No group is used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from schemas.event import Envelope
from schemas.headers import envelope_of
from stream.config import Settings
from stream.errors import BrokerError
from stream.kafka.any_broker import of_any_broker
from stream.kafka.closing import closed, stop_consumer
from stream.kafka.connection import kafka_connection
from stream.kafka.consumer_groups import committed_offsets, held_partitions
from stream.kafka.error_text import WAY_OUT, error_text
from stream.kafka.log.broken_places import BrokenPlaces
from stream.kafka.log.edges import EDGE_SECONDS, no_answer, still_there, why_silent
from stream.kafka.log.leader_questions import ANSWER_SECONDS, LeaderQuestions, all_silent

# aiokafka's ConsumerRecord with bytes in it; its own type parameters are not worth repeating.
Record: TypeAlias = Any

POLL_MS = 200
FETCH_BYTES = 1024 * 1024  # per partition and fetch: memory is this times the partitions read
STALL_SECONDS = 30.0
ASK_SECONDS = 2.0  # of silence, before the ends are asked again


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets [start, end) of one partition. `log_start` is the first one retention has left."""

    topic: str
    partition: int
    start: int
    end: int
    log_start: int = 0

    @property
    def place(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.partition

    @property
    def size(self) -> int:
        """How many offsets there are: at least the number of records."""
        return max(0, self.end - self.start)


class RangeReader:
    """Reads spans of topics; an async context manager.

    One read at a time. BrokerError: Kafka does not answer, a topic does not exist, a partition has
    no leader, a log is broken or cut while it is read, or nothing comes for STALL_SECONDS.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        fetch_bytes: int = FETCH_BYTES,
        batch_records: int | None = None,
    ) -> None:
        """`batch_records`: the most records of a batch, for who has others waiting meanwhile."""
        self._settings = settings
        self._batch_records = batch_records
        self.broken = BrokenPlaces()
        options = kafka_connection(settings)
        self._admin = AIOKafkaAdminClient(**options)
        self._consumer = AIOKafkaConsumer(
            **options,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",  # or else a log that is cut is read from its start, unasked
            isolation_level="read_uncommitted",  # as workers and relay: docs/decisions/0025
            max_partition_fetch_bytes=fetch_bytes,
            fetch_max_wait_ms=POLL_MS,
        )

    async def __aenter__(self) -> Self:
        """Connect; raises BrokerError naming the address that does not answer."""
        try:
            await self._admin.start()
            await self._consumer.start()
            # aiokafka's stop raises CancelledError when its tasks were never scheduled.
            await asyncio.sleep(0)
        except KafkaError as error:
            await self.close()
            raise BrokerError(
                f"Kafka at {self._settings.kafka_bootstrap_servers} does not answer: {error}"
            ) from None
        except asyncio.CancelledError:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close both connections; safe to call twice."""
        await stop_consumer(self._consumer)
        await closed(self._admin.close())

    async def partitions(self, *topics: str) -> dict[str, tuple[int, ...]]:
        """Return the partition numbers of each topic; raises BrokerError for a missing one."""
        # All topics: asking for a missing one by name would create it on some clusters.
        found = {
            item["topic"]: tuple(sorted(part["partition"] for part in item["partitions"]))
            for item in await self._described()
            if item["topic"] in topics and item["partitions"]
        }
        missing = [topic for topic in topics if topic not in found]
        if missing:
            raise BrokerError(
                f"no such topic, or no right to see it: {', '.join(missing)}; run "
                f"`orderstream topics apply`; {WAY_OUT}"
            )
        return found

    async def topics_starting(self, prefix: str) -> list[str]:
        """Return the topics of the cluster whose names begin so."""
        names = (item["topic"] for item in await self._described())
        return sorted(name for name in names if name.startswith(prefix))

    async def spans(
        self,
        topics: Iterable[str],
        *,
        partitions: Iterable[int] | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> list[OffsetRange]:
        """Return what there is now of the topics, between two record times [since, until)."""
        found, silent = await self.known_spans(
            topics, EDGE_SECONDS, partitions=partitions, since_ms=since_ms, until_ms=until_ms
        )
        if silent:
            raise all_silent(self._consumer, silent)
        return found

    async def known_spans(
        self,
        topics: Iterable[str],
        seconds: float = ANSWER_SECONDS,
        *,
        partitions: Iterable[int] | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> tuple[list[OffsetRange], dict[tuple[str, int], str]]:
        """Return the same of the partitions that answer, and why the others do not."""
        wanted = None if partitions is None else set(partitions)
        leaders = LeaderQuestions(
            self._consumer,
            [
                TopicPartition(topic, number)
                for topic, numbers in (await self.partitions(*topics)).items()
                for number in numbers
                if wanted is None or number in wanted
            ],
            seconds,
        )
        edges = await leaders.edges()
        starts = {} if since_ms is None else await leaders.first_at(since_ms, edges)
        stops = {} if until_ms is None else await leaders.first_at(until_ms, edges)
        found = [
            OffsetRange(
                *pair,
                start=min(max(starts.get(pair, 0), edges[pair].begin), edges[pair].end),
                end=min(stops.get(pair, edges[pair].end), edges[pair].end),
                log_start=edges[pair].begin,
            )
            for pair in leaders.answering
        ]
        return found, leaders.silent

    async def committed(
        self, group: str, *, timeout_seconds: float = STALL_SECONDS
    ) -> dict[tuple[str, int], int]:
        """Return what a consumer group has committed, by (topic, partition)."""
        return await committed_offsets(self._admin, group, timeout_seconds=timeout_seconds)

    async def assigned(self, group: str) -> frozenset[tuple[str, int]] | None:
        """Return the partitions that members of a group hold; None while it rebalances."""
        try:
            return await of_any_broker(lambda: held_partitions(self._admin, group))
        except (TimeoutError, KafkaError) as error:
            said = error_text(error, operation="Describe")
            raise BrokerError(f"no members of group {group}: {said}") from None

    async def read(self, spans: Iterable[OffsetRange]) -> AsyncGenerator[list[Record], None]:
        """Yield the records of the spans, in batches of one partition each, in offset order."""
        ends = {TopicPartition(s.topic, s.partition): s.end for s in spans if s.size}
        starts = {TopicPartition(s.topic, s.partition): s.start for s in spans if s.size}
        if not ends:
            return
        self._seek(starts)
        heard_at = asked_at = time.monotonic()
        try:
            while ends:
                fetched = await self._poll(max_records=self._batch_records)
                for pair, records in fetched.items():
                    if batch := _until(records, ends.get(pair, 0)):
                        yield batch
                        heard_at = time.monotonic()
                if await self._drop_finished(ends):
                    heard_at = time.monotonic()
                if time.monotonic() - max(heard_at, asked_at) > ASK_SECONDS:
                    why = await why_silent(self._consumer, ends)
                    asked_at = time.monotonic()
                    if (quiet := asked_at - heard_at) > STALL_SECONDS:
                        raise BrokerError(f"Kafka gave nothing for {quiet:.0f} s: {why}")
        finally:
            self._consumer.unsubscribe()

    async def first_records(
        self, positions: Mapping[tuple[str, int], int], *, timeout_seconds: float = 5.0
    ) -> dict[tuple[str, int], Record]:
        """Return the first record at or after an offset of each (topic, partition).

        One with nothing there in time is missing; BrokerError for one that ends before its offset.
        """
        waiting = {TopicPartition(*pair): offset for pair, offset in positions.items()}
        found: dict[tuple[str, int], Record] = {}
        if not waiting:
            return found
        self._seek(waiting)
        give_up_at = time.monotonic() + timeout_seconds
        try:
            while waiting and time.monotonic() < give_up_at:
                for pair, records in (await self._poll()).items():
                    if records and waiting.pop(pair, None) is not None:
                        found[pair.topic, pair.partition] = records[0]
                        self._consumer.pause(pair)
        finally:
            self._consumer.unsubscribe()
        return found

    async def _poll(self, max_records: int | None = None) -> dict[TopicPartition, list[Record]]:
        try:
            return await self._fetch(max_records)
        except OffsetOutOfRangeError as error:
            for pair, offset in (await still_there(self._consumer, error.args[0])).items():
                self._consumer.seek(pair, offset)
            return {}
        except KafkaError as error:
            raise no_answer(error) from None

    async def _fetch(self, max_records: int | None) -> dict[TopicPartition, list[Record]]:
        return await self._consumer.getmany(timeout_ms=POLL_MS, max_records=max_records)

    def _seek(self, starts: Mapping[TopicPartition, int]) -> None:
        self._consumer.assign(list(starts))
        for pair, offset in starts.items():
            self._consumer.seek(pair, offset)

    async def _drop_finished(self, ends: dict[TopicPartition, int]) -> bool:
        finished = [tp for tp, end in ends.items() if await self._consumer.position(tp) >= end]
        for pair in finished:
            del ends[pair]
            self._consumer.pause(pair)
        return bool(finished)

    async def _described(self) -> list[dict[str, Any]]:
        try:
            return await of_any_broker(self._admin.describe_topics)
        except (TimeoutError, KafkaError) as error:
            raise no_answer(error) from None


def record_envelope(record: Record) -> Envelope:
    """Return the envelope of a read record; never raises (see `schemas.headers`)."""
    return envelope_of(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )


def _until(records: list[Record], end: int) -> list[Record]:
    is_in = not records or records[-1].offset < end
    return records if is_in else [record for record in records if record.offset < end]
