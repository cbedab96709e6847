"""One topic was given more partitions: every order stays where it is."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from stream.kafka.connection import kafka_connection
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.partitioner import partition_of
from stream.kafka.publisher import KafkaPublisher, Record
from stream.kafka.topic_check import partition_counts, refuse_shortage, surplus

pytestmark = pytest.mark.kafka

KEYS = [f"{n:09d}".encode() for n in range(200)]


async def test_events_go_on_in_the_partitions_that_all_topics_have(settings, topics):
    admin = AIOKafkaAdminClient(**kafka_connection(settings))
    await admin.start()
    await admin.create_partitions({topics.orders: NewPartitions(6)})
    await admin.close()
    async with RangeReader(settings) as reader:
        async with asyncio.timeout(30):
            while (await partition_counts(settings, reader))[topics.orders] < 6:
                await asyncio.sleep(0.1)
        (said,) = surplus(topics, await partition_counts(settings, reader))
    assert said.startswith(f"{topics.orders} has 6 partitions, others 4")
    await refuse_shortage(settings)  # nothing lacks a partition: no process refuses to start

    publisher = KafkaPublisher(settings)
    await publisher.start()
    assert await publisher.is_able(topics.customers, timeout_seconds=10)
    acks = await publisher.publish_each([Record(topics.orders, key, b"{}") for key in KEYS])
    await publisher.stop()
    assert [ack.partition for ack in acks] == [partition_of(key, (0, 1, 2, 3)) for key in KEYS]
