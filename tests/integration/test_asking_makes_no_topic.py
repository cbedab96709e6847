"""A cluster that makes topics for whoever asks (Kafka's default) makes none for us.

A mistyped prefix got topics of its own there: webhooks were acknowledged, and nobody read them. The
state that somebody deleted came back uncompacted, and an order's state was gone after a week.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from sandbox.broker import Broker, BrokerError
from stream.errors import PublishError
from stream.kafka.connection import kafka_connection
from stream.kafka.publisher import KafkaPublisher, Record

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(60)]


@pytest.fixture
def generous() -> Iterator[str]:
    try:
        broker = Broker.start(extra_properties={"auto.create.topics.enable": "true"})
    except BrokerError as error:
        pytest.skip(f"needs a broker of its own: {error}")
    try:
        yield broker.bootstrap_servers
    finally:
        broker.stop()


async def test_who_publishes_reads_or_looks_makes_no_topic(generous, make_settings):
    settings = make_settings(kafka_bootstrap_servers=generous)
    publisher = KafkaPublisher(settings)
    await publisher.start()
    try:
        record = Record(settings.topics.orders, b"key", b"value")
        with pytest.raises(PublishError):
            await publisher.publish(record, timeout_seconds=2.0)
        assert not await publisher.is_able(settings.topics.customers, timeout_seconds=2.0)
    finally:
        await publisher.stop()
    async with AIOKafkaConsumer(**kafka_connection(settings)) as consumer:
        consumer._client.add_topic(settings.topics.state)
        await consumer._client.force_metadata_update()
    admin = AIOKafkaAdminClient(**kafka_connection(settings))
    await admin.start()
    try:
        await admin.describe_topics([settings.topics.results])
        assert await admin.list_topics() == []
    finally:
        await admin.close()
