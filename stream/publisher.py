"""Publishing: one idempotent producer per process, and an ack before anything counts.

Two callers, two needs. The ingress must answer its sender: `publish` gives up after a deadline.
The agents and the relay must not lose what they hold: `until_acked` never gives up.

Facts about the client that shape this file (aiokafka 0.14):

* An idempotent producer never expires a batch. A publish that timed out may still arrive later;
  what waits is bounded by one batch per partition, because a full batch makes callers wait.
* A batch the broker refused has used up its sequence numbers: every later batch of that partition
  would be refused as out of order. So after any refused batch the producer is replaced.
* One record too large fails the whole batch it is in. So a record is called too large only after it
  was refused in a batch of its own.
* "Duplicate sequence" without an offset counts as a success there. A broker that lost its disk and
  gave our producer id away would answer so: no offset is no ack.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from stream.config import Settings
from stream.errors import PublishError
from stream.kafka_connection import kafka_connection
from stream.topics import MAX_DEAD_LETTER_BYTES

log = structlog.get_logger()

# A small batch makes its waiters wake for every drain: 12 to 23 k/s instead of 28 to 35 k/s with
# 200 callers. Kafka's own limit for a batch is a little over 1 MiB.
MAX_BATCH_BYTES = 1024 * 1024
# Bounds one request, not the wait for an ack: a request that times out is sent again.
REQUEST_TIMEOUT_SECONDS = 10
FLUSH_SECONDS = 5.0
# Raised before a record is in a batch: the producer is as good as before.
HARMLESS = (
    KafkaTimeoutError,
    LeaderNotAvailableError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


@dataclass(frozen=True, slots=True)
class Record:
    """One record to publish. `partition` None lets the key decide (murmur2, as Java does)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """Where an acknowledged record is. `timestamp_ms` is the broker's or the producer's time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


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


class KafkaPublisher:
    """The process's producer: idempotent, acks=all, no linger.

    `start` connects, or logs that Kafka is away and leaves it to the first publish. Bad TLS or SASL
    settings raise SettingsError there.
    """

    def __init__(self, settings: Settings, *, max_batch_bytes: int = MAX_BATCH_BYTES) -> None:
        self._settings = settings
        self._max_batch_bytes = max_batch_bytes
        self._producer: AIOKafkaProducer | None = None
        self._connecting: asyncio.Task[AIOKafkaProducer] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    async def start(self) -> None:
        kafka_connection(self._settings)
        try:
            await self._connected()
        except (KafkaError, OSError) as error:
            log.warning("kafka_away", error=str(error))

    async def stop(self) -> None:
        """Flush what is pending for five seconds, then close, whatever Kafka does."""
        self._is_stopped = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        if self._producer is not None:
            self._retire(self._producer)
        if self._closing:
            await asyncio.wait(set(self._closing))

    async def is_able(self, topic: str, *, timeout_seconds: float) -> bool:
        """Return whether Kafka answers now and every partition of the topic has a leader."""
        try:
            async with asyncio.timeout(timeout_seconds):
                client = (await self._connected()).client
                await client.force_metadata_update()
                partitions = await client._wait_on_metadata(topic)  # noqa: SLF001 - as producers do
                return bool(partitions == client.cluster.available_partitions_for_topic(topic))
        except (TimeoutError, KafkaError, OSError):
            return False

    async def publish(self, record: Record, *, timeout_seconds: float) -> Ack:
        """Return after the broker's ack. Raises PublishError; the record may still arrive."""
        try:
            async with asyncio.timeout(timeout_seconds):
                sent = await self._send(record)
                answer = await self._answer(record, sent)
        except TimeoutError:
            raise PublishError(f"no ack from Kafka within {timeout_seconds:g} s") from None
        if isinstance(answer, PublishError):
            raise answer
        return answer

    async def publish_each(self, records: Sequence[Record]) -> list[Ack | PublishError]:
        """Send all, then wait for every answer; see Publisher."""
        try:
            await self._connected()
        except (KafkaError, OSError) as error:
            return [PublishError(f"no Kafka: {_text(error)}") for _record in records]
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

    async def _send(self, record: Record) -> _Sent | PublishError:
        """Put a record into a batch."""
        producer = None
        try:
            producer = self._producer or await self._connected()
            future = await producer.send(
                record.topic,
                record.value,
                key=record.key,
                partition=record.partition,
                headers=list(record.headers),
            )
        except TOO_LARGE as error:
            return PublishError(str(error), is_too_large=True)
        except (KafkaError, OSError, AssertionError) as error:
            # aiokafka asserts that the partition exists.
            if producer is not None and not isinstance(error, (*HARMLESS, AssertionError)):
                self._replace(producer, error)
            return PublishError(f"{record.topic}: {_text(error)}")
        return _Sent(producer, future)

    async def _answer(self, record: Record, sent: _Sent | PublishError) -> Ack | PublishError:
        """Wait for the broker's word about a record that is in a batch."""
        if isinstance(sent, PublishError):
            return sent
        try:
            return _ack(await sent.future)
        except TOO_LARGE as error:
            self._replace(sent.producer, error)
            return await self._send_alone(record)
        except KafkaError as error:
            self._replace(sent.producer, error)
            return PublishError(f"{record.topic}: {_text(error)}")

    async def _send_alone(self, record: Record) -> Ack | PublishError:
        """Send a record in a batch of its own: is it too large, or was its company?"""
        producer = self._create(max_batch_bytes=1)
        try:
            await producer.start()
            return _ack(
                await producer.send_and_wait(
                    record.topic,
                    record.value,
                    key=record.key,
                    partition=record.partition,
                    headers=list(record.headers),
                )
            )
        except TOO_LARGE:
            return PublishError(f"{record.topic}: the record is too large", is_too_large=True)
        except (KafkaError, OSError) as error:
            return PublishError(f"{record.topic}: {_text(error)}")
        finally:
            await _close(producer)

    async def _connected(self) -> AIOKafkaProducer:
        """Return the producer, connecting it first if need be; callers share one attempt."""
        while self._producer is None:
            if self._is_stopped:
                raise ProducerClosed("the publisher is stopped")
            if self._connecting is None:
                self._connecting = asyncio.create_task(self._connect())
                self._connecting.add_done_callback(self._when_connected)
            connecting = self._connecting
            try:
                # Shielded: a caller whose deadline ends must not end the attempt of all.
                await asyncio.shield(connecting)
            except asyncio.CancelledError:
                if not connecting.cancelled():
                    raise
        return self._producer

    async def _connect(self) -> AIOKafkaProducer:
        producer = self._create(max_batch_bytes=self._max_batch_bytes)
        try:
            await producer.start()
        except BaseException:
            await _close(producer)
            raise
        return producer

    def _when_connected(self, task: asyncio.Task[AIOKafkaProducer]) -> None:
        self._connecting = None
        if not task.cancelled() and task.exception() is None:
            self._producer = task.result()

    def _create(self, *, max_batch_bytes: int) -> AIOKafkaProducer:
        compression = self._settings.kafka_compression
        return AIOKafkaProducer(
            **kafka_connection(self._settings),
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            compression_type=None if compression == "none" else compression,
            max_batch_size=max_batch_bytes,
            max_request_size=MAX_DEAD_LETTER_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_SECONDS * 1000,
        )

    def _replace(self, producer: AIOKafkaProducer, error: BaseException) -> None:
        """Let the next publish make a new producer; the old one delivers what it still can."""
        if self._producer is producer:
            log.warning("producer_replaced", reason=_text(error))
            self._retire(producer)

    def _retire(self, producer: AIOKafkaProducer) -> None:
        self._producer = None
        task = asyncio.create_task(_close(producer))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A record in a batch of a producer."""

    producer: AIOKafkaProducer
    future: asyncio.Future[Any]


def _ack(metadata: Any) -> Ack:
    if metadata.offset is None or metadata.offset < 0:
        raise KafkaError("Kafka named no offset for the record")
    return Ack(metadata.topic, metadata.partition, metadata.offset, metadata.timestamp)


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


async def _close(producer: AIOKafkaProducer) -> None:
    """Flush for a bounded time, then close the connections and fail what is left."""
    stopping = asyncio.ensure_future(producer.stop())
    done, _ = await asyncio.wait({stopping}, timeout=FLUSH_SECONDS)
    if not done:
        # aiokafka's stop flushes without limit. Whoever still waits must get an answer.
        accumulator = producer._message_accumulator  # noqa: SLF001
        accumulator.fail_all(KafkaError("the producer was closed before Kafka answered"))
    await asyncio.wait({stopping})
