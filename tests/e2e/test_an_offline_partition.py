"""Partitions without a leader hold up their own orders: all others go on, also after a restart."""

import pytest
from support.worker_rig import WorkerRig

from chaos.topic_tools import leaders, move_replicas
from sandbox.broker import Cluster
from sandbox.magento.numbered import order_number
from stream.kafka.partitioner import partition_of
from stream.kafka.topic_admin import TopicAdmin

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.proof]

PARTITIONS = 4
LOST, LEFT = 1, 2  # brokers
STATELESS, UNREAD = 0, 3  # the partitions whose state, and whose orders, are on the lost broker
ORDERS = range(1, 41)


def partition(n):
    return partition_of(order_number(n).encode(), range(PARTITIONS))


async def spread(settings):
    """Put everything on one broker, but one partition of the state and one of the orders."""
    topics = settings.topics
    homes = {spec.name: dict.fromkeys(range(PARTITIONS), LEFT) for spec in settings.topics.specs()}
    homes[topics.state][STATELESS] = homes[topics.orders][UNREAD] = LOST
    await move_replicas(
        settings, {name: {n: [b] for n, b in home.items()} for name, home in homes.items()}
    )
    return homes


async def test_what_an_offline_partition_needs_waits_and_the_rest_goes_on(
    tmp_path, salesforce_process, make_settings
):
    one_is_enough = {"min.insync.replicas": "1"}  # of the group's offsets
    with Cluster.start(brokers=2, extra_properties=one_is_enough) as cluster:
        settings = make_settings(kafka_bootstrap_servers=cluster.bootstrap_servers)
        async with TopicAdmin(settings) as admin:
            await admin.create(settings.topics.specs())
        homes = await spread(settings)
        async with WorkerRig(settings, salesforce_process, tmp_path / "run", {}) as rig:

            async def are_home():
                found = {topic: await leaders(settings, topic) for topic in homes}
                return found == homes

            await rig.until(are_home)
            worker = await rig.worker()
            await rig.publish((n, 1) for n in ORDERS)
            await rig.settled(len(ORDERS), timeout_seconds=90)

            cluster.brokers[LOST].kill()
            going_on = {n for n in ORDERS if partition(n) not in {STATELESS, UNREAD}}
            held_up = {n for n in ORDERS if partition(n) == STATELESS}
            assert going_on
            assert held_up

            def have(numbers, version):
                versions = rig.versions()
                return all(versions.get(order_number(n)) == version for n in numbers)

            sentence = f"no leader for {settings.topics.state}-{STATELESS}"
            await rig.until(lambda: sentence in worker.output, timeout_seconds=60)
            await rig.publish((n, 2) for n in held_up | going_on)
            await rig.until(lambda: have(going_on, 2.0), timeout_seconds=60)

            assert await worker.stop() == 0
            again = await rig.worker("w2")
            await rig.publish((n, 3) for n in held_up | going_on)
            await rig.until(lambda: have(going_on, 3.0), timeout_seconds=90)
            assert sentence in again.output
            assert have(held_up, 1.0)

            cluster.brokers[LOST].restart()
            report = await rig.settled(len(ORDERS) + 2 * len(held_up | going_on))
            assert report.total.dead == 0
            assert have(held_up | going_on, 3.0)
            assert rig.org.summary()["stale_writes"] == 0
