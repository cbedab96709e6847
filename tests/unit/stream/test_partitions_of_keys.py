"""A key stays in its partition, whatever one answer of a broker leaves out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiokafka.partitioner import DefaultPartitioner

from stream.config import Settings
from stream.kafka.partitioner import partition_of
from stream.kafka.publisher import KafkaPublisher
from stream.kafka.record import Record

KEY = next(
    key
    for key in (b"%d" % number for number in range(100))
    if partition_of(key, tuple(range(12))) != partition_of(key, tuple(range(6)))
)


@pytest.mark.parametrize("count", [1, 6, 12, 100])
@pytest.mark.parametrize(
    "key", [b"", b"1", b"000000042", b"id:7", "Bestellung-ß".encode(), b"x" * 255]
)
def test_a_key_is_where_every_client_of_kafka_puts_it(key: bytes, count: int) -> None:
    numbers = list(range(count))
    assert partition_of(key, numbers) == DefaultPartitioner()(key, numbers, numbers)


class Producer:
    """A producer that knows how many partitions its topics have."""

    def __init__(self, counts):
        self.counts = counts
        self.client = SimpleNamespace(cluster=SimpleNamespace(partitions_for_topic=self.known))

    def known(self, topic):
        return set(range(self.counts[topic])) if topic in self.counts else None

    async def partitions_for(self, topic):
        return self.known(topic)


@pytest.fixture
def world():
    settings = Settings(_env_file=None, kafka_bootstrap_servers="127.0.0.1:9")
    orders, customers = settings.topics.facts
    producer = Producer({orders: 12, customers: 6})
    return KafkaPublisher(settings), producer, orders, customers


async def partition(publisher, producer, topic):
    return await publisher._partition(producer, Record(topic, KEY, b"x"))


async def test_a_fact_topic_that_one_answer_leaves_out_moves_no_key_of_the_other(world):
    """A broker that has just begun answers `unknown` for a topic, and aiokafka forgets it then."""
    publisher, producer, orders, customers = world
    before = await partition(publisher, producer, orders)
    assert before == partition_of(KEY, tuple(range(6)))
    del producer.counts[customers]
    assert await partition(publisher, producer, orders) == before


async def test_what_a_topic_has_now_counts_as_soon_as_it_is_said(world):
    publisher, producer, orders, customers = world
    await partition(publisher, producer, orders)
    producer.counts[customers] = 12
    assert await partition(publisher, producer, orders) == partition_of(KEY, tuple(range(12)))
