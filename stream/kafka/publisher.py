"""Publishing: one idempotent producer per process, and an ack before anything counts.

Two callers, two needs. The ingress must answer its sender: `publish` gives up after a deadline.
The agents and the relay must not lose what they hold: `until_acked` never gives up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.frozen import dataclass
from stream.config import Settings
from stream.errors import PublishError
from stream.kafka.batch_publish import Answer, publish_batches
from stream.kafka.connection import kafka_connection
from stream.kafka.deadline import Deadline
from stream.kafka.error_text import error_text
from stream.kafka.group_commit import GroupCommit, PendingRecord
from stream.kafka.partitioner import partition_of, used_partitions
from stream.kafka.producer import TOO_LARGE, SharedProducer
from stream.kafka.record import Ack, Record, ack_of

__all__ = ["Ack", "KafkaPublisher", "Publisher", "Record"]

log = structlog.get_logger()


class Publisher(Protocol):
    """What everything that publishes needs.

    The fake in tests and `KafkaPublisher` both pass tests/contract/test_publisher.py.
    """

    async def publish(self, record: Record, *, timeout_seconds: float) -> Ack:
        """Return after the broker's ack (acks=all). Raises PublishError."""
        ...

    async def publish_each(self, records: Sequence[Record]) -> list[Ack | PublishError]:
        """Send all, then wait for every answer; one answer per record, in their order.

        Waits as long as Kafka may still answer; cancel it to stop waiting. Records of a cancelled
        call may or may not be there.
        """
        ...

    def offer(self, record: Record, answered: Callable[[Answer], None]) -> PendingRecord | None:
        """Take a record along with its neighbours, or return None: `publish` has to do it.

        `answered` is called once, never from within this call. For those who await nothing.
        """
        ...


class KafkaPublisher:
    """The real one: every record through the process's producer.

    `start` connects, or logs that Kafka is away and leaves it to the first publish. Bad TLS or SASL
    settings raise SettingsError there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shared = SharedProducer(settings)
        self._queue = GroupCommit(self._shared)
        self._facts = settings.topics.facts
        self._counts: dict[str, Collection[int]] = {}  # partitions of each topic, as last heard

    async def start(self) -> None:
        kafka_connection(self._settings)
        try:
            await self.connected()
        except (KafkaError, OSError) as error:
            log.warning("kafka_away", error=str(error))

    async def stop(self) -> None:
        """Flush what is pending for five seconds, then close, whatever Kafka does."""
        await self._queue.stop()
        await self._shared.stop()

    async def connected(self) -> AIOKafkaProducer:
        """Return the producer, connecting it first if need be. Raises KafkaError and OSError."""
        return await self._shared.connected()

    def unanswered(self, seconds: float) -> list[tuple[str, int]]:
        """Return the partitions that have acknowledged nothing for so long, of what was sent."""
        return self._shared.ack_waits.longer_than(seconds)

    async def is_able(self, topic: str, *, timeout_seconds: float) -> bool:
        """Return whether Kafka answers now and any partition of the topic has a leader.

        Events of one that has none are refused one by one: they hold up nobody (decision 0052).
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                producer = await self.connected()
                # What was heard earlier is not enough: the broker must answer now.
                if not await producer.client.force_metadata_update():
                    return False
                partitions = await producer.partitions_for(topic)
                cluster = producer.client.cluster
                return bool(partitions and cluster.available_partitions_for_topic(topic))
        except (TimeoutError, KafkaError, OSError):
            return False

    async def publish(self, record: Record, *, timeout_seconds: float) -> Ack:
        """Return after the broker's ack. Raises PublishError; the record may still arrive."""
        try:
            with Deadline(timeout_seconds):
                sent = await self._send(record)
                if isinstance(sent, PublishError):
                    raise sent
                try:
                    return ack_of(await sent.future)
                except KafkaError:
                    answer = await self._answer(record, sent)  # knows what it means
        except TimeoutError:
            raise PublishError(f"no ack from Kafka within {timeout_seconds:g} s") from None
        if isinstance(answer, PublishError):
            raise answer
        return answer

    async def publish_each(self, records: Sequence[Record]) -> list[Ack | PublishError]:
        """Send all, then wait for every answer; see Publisher."""
        try:
            await self.connected()
        except (KafkaError, OSError) as error:
            return [PublishError(f"no Kafka: {error_text(error)}") for _record in records]
        if all(record.partition is not None for record in records):
            return await publish_batches(self._shared, records)
        sent = [await self._send(record) for record in records]
        futures = {item.future for item in sent if isinstance(item, _Sent)}
        try:
            if futures:
                await asyncio.wait(futures)
        finally:
            for future in futures:
                future.cancel()
        return [
            await self._answer(record, item) for record, item in zip(records, sent, strict=True)
        ]

    def offer(self, record: Record, answered: Callable[[Answer], None]) -> PendingRecord | None:
        """Take a record along when the producer is there and knows the topic; see Publisher."""
        producer = self._shared.current
        if producer is None or record.key is None:
            return None
        partitions = self._used(producer, record.topic)
        if not partitions:
            return None
        partition = partition_of(record.goes_with or record.key, partitions)
        return self._queue.offer(record, partition, answered)

    async def _send(self, record: Record) -> _Sent | PublishError:
        """Put a record into a batch."""
        producer = None
        try:
            producer = self._shared.current or await self.connected()
            partition = await self._partition(producer, record)
            future = await producer.send(
                record.topic,
                record.value,
                key=record.key,
                partition=partition,
                headers=list(record.headers),
            )
        except TOO_LARGE as error:
            return PublishError(str(error), is_too_large=True)
        except (KafkaError, OSError, AssertionError) as error:
            return self._shared.not_taken(record.topic, producer, error)
        return _Sent(producer, future, partition)

    def _used(self, producer: AIOKafkaProducer, topic: str) -> tuple[int, ...]:
        """Return the partitions that keys go to: those that both fact topics and this one have.

        aiokafka forgets a topic that one answer leaves out, as that of a broker that has just
        begun: were it not remembered here, keys of the others would go elsewhere meanwhile.
        """
        known = producer.client.cluster.partitions_for_topic
        if not known(topic):
            return ()
        counts = self._counts
        names = self._facts if topic in self._facts else (*self._facts, topic)
        for name in names:
            if count := known(name):
                counts[name] = count
        return used_partitions([counts[name] for name in names if name in counts])

    async def _partition(self, producer: AIOKafkaProducer, record: Record) -> int | None:
        if record.partition is not None or record.key is None:
            return record.partition
        await producer.partitions_for(record.topic)  # waits until the topic is known
        used = self._used(producer, record.topic)
        return partition_of(record.goes_with or record.key, used) if used else None

    async def _answer(self, record: Record, sent: _Sent | PublishError) -> Ack | PublishError:
        """Wait for the broker's word about a record that is in a batch."""
        if isinstance(sent, PublishError):
            return sent
        try:
            return ack_of(await sent.future)
        except TOO_LARGE as error:
            self._shared.replace(sent.producer, error)
            return await self._shared.send_alone(record, sent.partition)
        except KafkaError as error:
            self._shared.replace(sent.producer, error)
            return PublishError(f"{record.topic}: {error_text(error)}")


@dataclass(frozen=True, slots=True)
class _Sent:
    """A record in a batch of a producer."""

    producer: AIOKafkaProducer
    future: asyncio.Future[Any]
    partition: int | None
