"""A batch whose checksum is wrong for good: its partition waits there, and a person goes past it."""

from __future__ import annotations

import re

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from support.broken_disk import break_batch
from support.worker_rig import WorkerRig

from sandbox.magento.numbered import order_number
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.topic_admin import TopicAdmin

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.proof]

ORDERS = range(1, 25)


@pytest.fixture
async def rig(own_broker, tmp_path, salesforce_process, make_settings):
    settings = make_settings(kafka_bootstrap_servers=own_broker.bootstrap_servers)
    async with (
        TopicAdmin(settings) as admin,
        WorkerRig(settings, salesforce_process, tmp_path / "run", {}) as rig,
    ):
        await admin.create(settings.topics.specs())
        yield rig


async def test_all_others_go_on_and_what_is_behind_it_does_when_a_person_says_so(own_broker, rig):
    worker = await rig.worker()
    for n in ORDERS:  # a batch each
        await rig.publish([(n, 1)])
    await rig.settled(len(ORDERS))
    assert await worker.stop() == 0

    placed = {n: (await rig.publish([(n, 2)]))[0] for n in ORDERS}
    beside = [n for n, ack in placed.items() if ack.partition == placed[1].partition]
    before, (broken, *behind) = beside[:2], beside[2:]
    assert behind
    assert len(beside) < len(ORDERS)
    own_broker.halt()
    ack, value = placed[broken], rig.record(broken, 2).value
    break_batch(own_broker, ack.topic, ack.partition, value)
    own_broker.restart()

    worker = await rig.worker("w2")
    free = set(ORDERS) - {broken, *behind}

    def have(numbers, version):
        versions = rig.versions()
        return all(versions.get(order_number(n)) == version for n in numbers)

    await rig.until(lambda: have(free, 2.0), timeout_seconds=90)
    await rig.until(lambda: "record_unreadable" in worker.output, timeout_seconds=60)
    assert set(before) < free
    later = (await rig.publish([(n, 3) for n in free if n not in before]))[0]
    assert later.partition != placed[broken].partition
    await rig.until(lambda: have(free - set(before), 3.0), timeout_seconds=60)
    assert have(behind, 1.0)

    (at, on) = re.findall(r"at offset (\d+).*?next is at (\d+)", worker.output)[0]
    assert int(at) == placed[broken].offset == await rig.committed_on(placed[broken])
    assert await worker.stop() == 0
    pair = TopicPartition(placed[broken].topic, placed[broken].partition)
    async with AIOKafkaConsumer(  # what kafka-consumer-groups.sh --reset-offsets does
        bootstrap_servers=rig.settings.kafka_bootstrap_servers, group_id=rig.settings.worker_group
    ) as person:
        person.assign([pair])
        await person.commit({pair: int(on)})
    await rig.worker("w3")
    await rig.until(lambda: have(behind, 2.0), timeout_seconds=90)
    assert have([broken], 1.0)


async def test_a_broken_place_of_the_states_sets_its_partition_aside(own_broker, rig):
    """A worker read the states of all its partitions again and again, and wrote nothing."""
    worker = await rig.worker()
    placed = {n: (await rig.publish([(n, 1)]))[0] for n in ORDERS}
    await rig.settled(len(ORDERS))
    assert await worker.stop() == 0
    number, state = placed[1].partition, rig.settings.topics.state
    async with RangeReader(rig.settings) as reader:
        first = (await reader.first_records({(state, number): 0}))[state, number]
    break_batch(own_broker, state, number, first.value)
    await rig.publish([(n, 2) for n in ORDERS])

    worker = await rig.worker("w2")
    free = {order_number(n) for n in ORDERS if placed[n].partition != number}
    await rig.until(
        lambda: {at for at, version in rig.versions().items() if version == 2.0} == free,
        timeout_seconds=90,
    )
    await rig.until(lambda: "partition_set_aside" in worker.output, timeout_seconds=60)
    assert f"{state}/{number} at offset {first.offset}: " in worker.output
