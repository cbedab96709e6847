"""The producer of a process, aiokafka's: idempotent, acks=all, no linger, bounded end.

Facts about the client that shape this file (aiokafka 0.14):

* An idempotent producer never expires a batch. A publish that timed out may still arrive later;
  what waits is bounded by one batch per partition, because a full batch makes callers wait.
* A batch the broker refused has used up its sequence numbers: every later batch of that partition
  would be refused as out of order. So after any refused batch the producer is replaced.
* One record too large fails the whole batch it is in. So a record is called too large only after it
  was refused in a batch of its own, compressed as well as any reader can undo: an order that just
  fits where Kafka takes 1 MB would not fit with the longer headers of a retry or a dead letter, and
  its partition would wait for it for ever.
* "Duplicate sequence" without an offset counts as a success there. A broker that lost its disk and
  gave our producer id away would answer so: no offset is no ack.
"""

from __future__ import annotations

import asyncio

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
from stream.kafka.ack_waits import AckWaits
from stream.kafka.closing import closed
from stream.kafka.connection import kafka_connection
from stream.kafka.error_text import error_text
from stream.kafka.record import Ack, Record, ack_of
from stream.settings.kafka import KafkaSettings
from stream.topics import MAX_DEAD_LETTER_BYTES

log = structlog.get_logger()

# A small batch makes its waiters wake for every drain. 200 callers, 1.3 KB, broker on the same two
# cores: 16 KiB 20 k/s, p99 31 ms; 128 KiB 26 k/s, 15 ms; 1 MiB 28 k/s, 12 ms. Kafka's own limit for
# a batch is a little over 1 MiB.
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


def create_producer(
    settings: KafkaSettings, *, max_batch_bytes: int = MAX_BATCH_BYTES, compression: str = ""
) -> AIOKafkaProducer:
    """Return a producer that is not started. `max_batch_bytes=1`: every record travels alone."""
    compression = compression or settings.kafka_compression
    return AIOKafkaProducer(
        **kafka_connection(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        compression_type=None if compression == "none" else compression,
        max_batch_size=max_batch_bytes,
        max_request_size=MAX_DEAD_LETTER_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_SECONDS * 1000,
    )


async def close_producer(producer: AIOKafkaProducer) -> None:
    """Flush for a bounded time, then close the connections and fail what is left."""
    stopping = asyncio.ensure_future(producer.stop())
    done, _ = await asyncio.wait({stopping}, timeout=FLUSH_SECONDS)
    if not done:
        # aiokafka's stop flushes without limit. Whoever still waits must get an answer.
        accumulator = producer._message_accumulator  # noqa: SLF001 - test_private_names.py holds the name
        accumulator.fail_all(KafkaError("the producer was closed before Kafka answered"))
        await asyncio.wait({stopping})
    if (error := stopping.exception()) is not None:
        log.warning("producer_not_closed_in_order", error=error_text(error))
        await closed(producer.client.close())


class SharedProducer:
    """The producer of all callers: connected once for them, replaced when it can go no further."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.current: AIOKafkaProducer | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self.ack_waits = AckWaits()

    async def stop(self) -> None:
        """Connect no more; close the producer, and wait for those that close already."""
        self._is_stopped = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        if self.current is not None:
            self._retire(self.current)
        if self._closing:
            await asyncio.wait(set(self._closing))

    async def connected(self) -> AIOKafkaProducer:
        """Return the producer, connecting it first if need be; callers share one attempt."""
        while self.current is None:
            if self._is_stopped:
                raise ProducerClosed("the publisher is stopped")
            if self._connecting is None:
                self._connecting = asyncio.create_task(self._connect())
                self._connecting.add_done_callback(_heed)
            connecting = self._connecting
            try:
                # Shielded: a caller whose deadline ends must not end the attempt of all.
                await asyncio.shield(connecting)
            except asyncio.CancelledError:
                if not connecting.cancelled():
                    raise
        return self.current

    async def _connect(self) -> None:
        """Make the producer. Its own last step tells the callers, not a callback of the task:

        whoever looked between the two would wait for a task that is done, which never yields.
        """
        producer = create_producer(self._settings)
        try:
            await producer.start()
        except BaseException:
            await close_producer(producer)
            raise
        else:
            for topic in self._settings.topics.facts:
                producer.client.add_topic(topic)  # how many partitions it has decides of all keys
            self.current = producer
        finally:
            self._connecting = None

    def replace(self, producer: AIOKafkaProducer, error: BaseException) -> None:
        """Let the next publish make a new producer; the old one delivers what it still can."""
        if self.current is producer:
            log.warning("producer_replaced", reason=error_text(error))
            self._retire(producer)

    async def send_alone(self, record: Record, partition: int | None) -> Ack | PublishError:
        """Send a record in a batch of its own: is it too large, or was its company?

        It stays in the partition it was meant for: its key alone may name another.
        """
        producer = create_producer(self._settings, max_batch_bytes=1, compression="gzip")
        try:
            await producer.start()
            return ack_of(
                await producer.send_and_wait(
                    record.topic,
                    record.value,
                    key=record.key,
                    partition=partition,
                    headers=list(record.headers),
                )
            )
        except TOO_LARGE:
            return PublishError(f"{record.topic}: the record is too large", is_too_large=True)
        except (KafkaError, OSError) as error:
            return PublishError(f"{record.topic}: {error_text(error)}")
        finally:
            await close_producer(producer)

    def not_taken(
        self, topic: str, producer: AIOKafkaProducer | None, error: Exception
    ) -> PublishError:
        """Return the answer for what is in no batch; aiokafka asserts that a partition exists."""
        if producer is not None and not isinstance(error, (*HARMLESS, AssertionError)):
            self.replace(producer, error)
        return PublishError(f"{topic}: {error_text(error)}")

    def _retire(self, producer: AIOKafkaProducer) -> None:
        self.current = None
        task = asyncio.create_task(close_producer(producer))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _heed(task: asyncio.Task[None]) -> None:
    """Look at the error of an attempt that all its callers have given up on."""
    if not task.cancelled():
        task.exception()
