"""aiokafka's producer as this project uses it: idempotent, acks=all, no linger, bounded end.

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

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from stream.kafka.connection import kafka_connection
from stream.kafka.error_text import error_text
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
    settings: KafkaSettings, *, max_batch_bytes: int = MAX_BATCH_BYTES
) -> AIOKafkaProducer:
    """Return a producer that is not started. `max_batch_bytes=1`: every record travels alone."""
    compression = settings.kafka_compression
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
        await producer.client.close()
