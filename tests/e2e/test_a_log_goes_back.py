"""A log that goes back: what is in the topic is read, what was read before is recognised.

Judged by what the org holds, never by an offset.
"""

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from stream.kafka.connection import kafka_connection
from tests.support import topics_anew

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

FIRST, MORE = 40, 60


def orders(numbers):
    return {f"{n:09d}" for n in numbers}


async def commit(settings, offsets):
    """Set the group's offsets by hand, as an operator's tool does."""
    consumer = AIOKafkaConsumer(group_id=settings.worker_group, **kafka_connection(settings))
    await consumer.start()
    try:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
    finally:
        await consumer.stop()


async def make_anew(settings):
    """Delete the topic of orders and make it again: the same offsets, other records.

    Kafka drops the commits of a deleted topic; those of a restored or mirrored one stay.
    """
    admin = AIOKafkaAdminClient(**kafka_connection(settings))
    await admin.start()
    found = await admin.list_consumer_group_offsets(settings.worker_group)
    await admin.close()
    await topics_anew.make_anew(settings, settings.topics.orders)
    return {
        pair: OffsetAndMetadata(said.offset, said.metadata)
        for pair, said in found.items()
        if pair.topic == settings.topics.orders and said.offset > 0
    }


async def all_are_written(rig, numbers, version=1):
    wanted = dict.fromkeys(orders(numbers), version)
    await rig.until(lambda: wanted.items() <= rig.versions().items(), timeout_seconds=90)


@pytest.mark.proof
async def test_a_committed_offset_beyond_the_end_costs_no_event(make_rig):
    rig = await make_rig()
    worker = await rig.warm_worker()
    await rig.publish((n, 1) for n in range(1, FIRST))
    await rig.settled(FIRST)
    await worker.stop()
    partitions = range(rig.settings.kafka_partitions)
    await commit(
        rig.settings,
        {TopicPartition(rig.settings.topics.orders, number): 50 + FIRST for number in partitions},
    )
    await rig.publish((n, 1) for n in range(FIRST, FIRST + MORE))
    worker = await rig.worker("w2")
    await all_are_written(rig, range(FIRST + MORE))
    assert "log_went_back" in worker.output


async def test_a_topic_made_again_under_a_running_worker_is_read_from_its_start(make_rig):
    rig = await make_rig()
    worker = await rig.warm_worker()
    await rig.publish((n, 1) for n in range(1, FIRST))
    await rig.settled(FIRST)
    await make_anew(rig.settings)
    await rig.publish((n, 1) for n in range(1000, 1000 + MORE))
    await all_are_written(rig, range(1000, 1000 + MORE))
    assert worker.is_running, worker.log_tail()


@pytest.mark.proof
async def test_a_topic_made_again_that_outgrew_what_was_read_is_read_from_its_start(make_rig):
    """Every committed offset is within the log: only the records tell."""
    rig = await make_rig()
    worker = await rig.warm_worker()
    await rig.publish((n, 1) for n in range(1, FIRST))
    await rig.settled(FIRST)
    await worker.stop()
    commits = await make_anew(rig.settings)
    await commit(rig.settings, commits)
    await rig.publish((n, 1) for n in range(1000, 1000 + 4 * MORE))
    worker = await rig.worker("w2")
    await all_are_written(rig, range(1000, 1000 + 4 * MORE))
    assert "holds other records than were read" in worker.output


@pytest.mark.proof
async def test_a_log_cut_behind_its_middle_is_read_again_from_there(make_rig):
    """As an unclean election cuts it: a head that is the same, a tail that is another."""
    rig = await make_rig()
    worker = await rig.warm_worker()
    head = [rig.record(n, 1) for n in range(1, FIRST)]
    await rig._publish_all(head)
    await rig.settled(FIRST)
    await rig.publish((n, 1) for n in range(FIRST, FIRST + MORE))
    await rig.settled(FIRST + MORE)
    await worker.stop()
    commits = await make_anew(rig.settings)
    await commit(rig.settings, commits)
    await rig._publish_all(head)
    await rig.publish((n, 1) for n in range(1000, 1000 + 4 * MORE))
    worker = await rig.worker("w2")
    await all_are_written(rig, range(1000, 1000 + 4 * MORE))
    assert "holds other records than were read" in worker.output
