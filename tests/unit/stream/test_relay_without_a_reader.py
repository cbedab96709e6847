"""A relay whose reader ended while Kafka was away has none yet: it is stopped as any other."""

from __future__ import annotations

from types import SimpleNamespace

from aiokafka import TopicPartition

from stream.config import Settings
from stream.kafka.connection import kafka_connection
from stream.kafka.log.read_log import ReadLog
from stream.retry.longest_waits import LongestWaits
from stream.retry.relay import Relay

SETTINGS = Settings(_env_file=None)


async def test_it_ends_in_order_with_something_on_its_way():
    """It ended with "NoneType has no attribute generation"."""

    async def publish_all(_records):
        return []

    relay = Relay(
        topics=SETTINGS.topics,
        group=SETTINGS.relay_group,
        connection=kafka_connection(SETTINGS),
        publish_all=publish_all,
        read_log=ReadLog(SETTINGS),
        longest=LongestWaits(SETTINGS.topics, settle_seconds=0),
    )
    tier = TopicPartition(SETTINGS.topics.retry_tiers[0], 0)
    relay._forwards.begin(tier, 0, SimpleNamespace(offset=0), [])
    await relay._last_turn()
    await relay._forwards.stop()
    await relay._consumer.stop()
