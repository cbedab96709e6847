"""Another partition count: every key's state is where the new topics will look for it."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.erasure import marker_key
from schemas.state import State
from stream.kafka.blocking_publish import BlockingPublish
from stream.kafka.connection import kafka_connection
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.partitioner import partition_of
from stream.kafka.publisher import KafkaPublisher, Record
from stream.kafka.state_migration import StateMigrationError, copy_state
from stream.kafka.topic_admin import TopicAdmin
from stream.ops.alerts import Alerts

pytestmark = pytest.mark.kafka

MORE = 7


@pytest.fixture
async def move(topics, make_settings, topic_prefix):
    """Old and new settings, and a publisher that waits for acks."""
    old = make_settings()
    new = make_settings(kafka_topic_prefix=f"{topic_prefix}v2.", kafka_partitions=MORE)
    publisher = KafkaPublisher(new)
    async with TopicAdmin(new) as admin:
        await admin.create(new.topics.specs())
        await publisher.start()
        yield old, new, BlockingPublish(publisher, alerts=Alerts())
        await publisher.stop()
        await admin.delete([spec.name for spec in new.topics.specs()])


def state(settings, key: bytes, version: str | None, partition: int) -> Record:
    value = version and State(version, "d", settings.topics.orders, partition, 1).to_bytes()
    return Record(settings.topics.state, key, value or None, partition=partition)


async def states(settings) -> dict[tuple[int, bytes], str]:
    found = {}
    async with RangeReader(settings) as reader:
        async for batch in reader.read(await reader.spans([settings.topics.state])):
            for record in batch:
                found[record.partition, record.key] = State.from_bytes(record.value).version
    return found


async def test_every_key_goes_where_its_next_event_will_be_and_markers_everywhere(move):
    old, new, publish_all = move
    marker = marker_key(b"customer:jane@example.com")
    records = [state(old, b"order:%d" % n, "1", n % 4) for n in range(50)]
    records += [state(old, b"order:7", "2", 3), state(old, b"order:8", None, 0)]
    records.append(state(old, marker, "9", 1))
    await publish_all(records)
    for _ in range(2):  # a second time changes nothing
        copied = await copy_state(old, new, publish_all)
        assert copied.keys == 50
    found = await states(new)
    numbers = tuple(range(MORE))
    wanted = {
        (partition_of(b"%d" % n, numbers), b"order:%d" % n): "2" if n == 7 else "1"
        for n in range(50)
        if n != 8
    }
    assert found == wanted | {(number, marker): "9" for number in numbers}


async def test_nothing_is_copied_over_the_state_of_workers_that_have_begun(move):
    old, new, publish_all = move
    ack = await publish_all([Record(new.topics.orders, b"1", b"{}")])
    place = TopicPartition(new.topics.orders, ack[0].partition)
    async with AIOKafkaConsumer(
        group_id=new.worker_group, enable_auto_commit=False, **kafka_connection(new)
    ) as consumer:
        consumer.assign([place])
        await consumer.commit({place: 1})
    with pytest.raises(StateMigrationError, match="workers have begun"):
        await copy_state(old, new, publish_all)


async def test_the_same_topics_are_no_new_ones(move):
    old, _, publish_all = move
    with pytest.raises(StateMigrationError, match="KAFKA_TOPIC_PREFIX"):
        await copy_state(old, old, publish_all)


async def test_the_newest_state_is_copied_wherever_it_stands(move):
    """A worker that the group had expelled wrote last, or the old topic got more partitions."""
    old, new, publish_all = move
    behind = [state(old, b"order:1", version, 1) for version in ("2", "1")]
    elsewhere = [state(old, b"order:2", "2", 0), state(old, b"order:2", "1", 3)]
    await publish_all([*behind, *elsewhere])
    await copy_state(old, new, publish_all)
    assert {key: version for (_, key), version in (await states(new)).items()} == {
        b"order:1": "2",
        b"order:2": "2",
    }
