"""The producer when Kafka is slow, paused, killed or refuses: nothing lost, nobody stuck."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config import load_settings
from stream.errors import PublishError
from stream.kafka.blocking_publish import BlockingPublish
from stream.kafka.connection import kafka_connection
from stream.kafka.publisher import KafkaPublisher, Record
from stream.kafka.topic_admin import TopicAdmin
from stream.ops.alerts import Alert, Alerts

pytestmark = pytest.mark.kafka

PARTITIONS = 2


@pytest.fixture
async def settings(own_broker, topic_prefix):
    made = load_settings(
        env_file=None,
        kafka_bootstrap_servers=own_broker.bootstrap_servers,
        kafka_topic_prefix=topic_prefix,
        kafka_partitions=PARTITIONS,
    )
    async with TopicAdmin(made) as admin:
        await admin.create(made.topics.specs())
    return made


@pytest.fixture
async def publisher(settings):
    made = KafkaPublisher(settings)
    await made.start()
    yield made
    await made.stop()


def records(settings, count):
    return [
        Record(settings.topics.orders, str(n).encode(), b"v", partition=n % PARTITIONS)
        for n in range(count)
    ]


async def keys_on_disk(settings) -> list[bytes]:
    places = [TopicPartition(settings.topics.orders, p) for p in range(PARTITIONS)]
    found: list[bytes] = []
    connection = kafka_connection(settings)
    async with AIOKafkaConsumer(auto_offset_reset="earliest", **connection) as consumer:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        async with asyncio.timeout(20):
            while any([await consumer.position(place) < ends[place] for place in places]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    found += [message.key for message in batch]
    return found


async def test_a_paused_broker_costs_a_caller_its_deadline_and_no_more(
    own_broker, settings, publisher
):
    own_broker.pause()
    with pytest.raises(PublishError, match="no ack from Kafka within 1 s"):
        await publisher.publish(records(settings, 1)[0], timeout_seconds=1)
    assert not await publisher.is_able(settings.topics.orders, timeout_seconds=0.5)
    own_broker.resume()
    ack = await publisher.publish(records(settings, 2)[1], timeout_seconds=30)
    assert ack.offset == 0
    assert await publisher.is_able(settings.topics.orders, timeout_seconds=10)


async def test_a_killed_broker_delays_a_batch_and_neither_loses_nor_doubles_a_record(
    own_broker, settings, publisher
):
    await publisher.publish_each(records(settings, 10))
    assert await publisher.is_able(settings.topics.orders, timeout_seconds=10)
    own_broker.kill()
    assert not await publisher.is_able(settings.topics.orders, timeout_seconds=2)
    alerts = Alerts()
    publish = BlockingPublish(publisher, alerts=alerts, blocked_after_seconds=1.0)
    task = asyncio.create_task(publish(records(settings, 500)[10:]))
    async with asyncio.timeout(20):
        while Alert.PUBLISH_BLOCKED not in alerts.active:
            await asyncio.sleep(0.05)
    await asyncio.to_thread(own_broker.restart)
    acks = await asyncio.wait_for(task, 60)
    assert len(acks) == 490
    assert alerts.active == {}
    assert sorted(await keys_on_disk(settings)) == sorted(r.key for r in records(settings, 500))


async def test_a_publisher_that_starts_without_kafka_publishes_when_it_is_there(
    own_broker, settings
):
    own_broker.kill()
    publisher = KafkaPublisher(settings)
    try:
        await publisher.start()
        with pytest.raises(PublishError):
            await publisher.publish(records(settings, 1)[0], timeout_seconds=1)
        await asyncio.to_thread(own_broker.restart)
        await publisher.publish(records(settings, 1)[0], timeout_seconds=30)
    finally:
        await publisher.stop()
    assert await keys_on_disk(settings) == [b"0"]


@pytest.mark.parametrize("outage", ["pause", "kill"])
async def test_stop_ends_in_an_outage_and_whoever_waits_is_told(
    own_broker, settings, publisher, outage
):
    await publisher.publish_each(records(settings, 10))
    getattr(own_broker, outage)()
    waiting = asyncio.create_task(publisher.publish_each(records(settings, 20)))
    await asyncio.sleep(0.2)
    async with asyncio.timeout(60):
        await publisher.stop()
    answers = await asyncio.wait_for(waiting, 5)
    assert all(isinstance(answer, PublishError) for answer in answers)
    with pytest.raises(PublishError, match="stopped"):
        await publisher.publish(records(settings, 1)[0], timeout_seconds=1)


async def test_a_broken_sequence_gets_a_new_producer_and_no_record_is_lost(settings, publisher):
    await publisher.publish_each(records(settings, 10))
    first = publisher._shared.current
    place = TopicPartition(settings.topics.orders, 0)
    first._txn_manager.increment_sequence_number(place, 5)  # as a refused batch leaves it
    answers = await publisher.publish_each(records(settings, 20)[10:])
    refused = [answer for answer in answers if isinstance(answer, PublishError)]
    assert len(refused) == 5
    assert "OutOfOrderSequenceNumber" in str(refused[0])
    acks = await BlockingPublish(publisher, alerts=Alerts())(records(settings, 30)[20:])
    assert len(acks) == 10
    assert publisher._shared.current is not first


async def test_a_client_that_dies_of_a_bug_gets_a_successor(settings, publisher, monkeypatch):
    await publisher.publish_each(records(settings, 2))
    first = publisher._shared.current

    async def bug(*_args):
        raise RuntimeError("a bug in the client")

    monkeypatch.setattr(first._sender, "_send_produce_req", bug)
    with pytest.raises(PublishError, match="Unexpected error during batch delivery"):
        await publisher.publish(records(settings, 1)[0], timeout_seconds=5)
    ack = await publisher.publish(records(settings, 1)[0], timeout_seconds=10)
    assert ack.offset == 1
    assert publisher._shared.current is not first
