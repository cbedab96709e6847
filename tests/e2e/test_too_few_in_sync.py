"""One partition with too few replicas in sync: its orders wait, and no worker comes to a stand."""

from dataclasses import replace

import pytest
from support.worker_rig import WorkerRig

from chaos.topic_tools import leaders, move_replicas
from sandbox.broker import Cluster
from sandbox.magento.numbered import order_number
from stream.kafka.partitioner import partition_of
from stream.kafka.topic_admin import TopicAdmin

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.proof]

PARTITIONS = 4
LEADER, LOST, LEFT = 1, 2, 3  # brokers
THIN = 0  # the partition of the results that loses its second replica
ORDERS = range(1, 41)
ROUNDS = 40  # batches of all partitions: more than a worker has under way


def partition(n):
    return partition_of(order_number(n).encode(), range(PARTITIONS))


async def test_the_orders_of_all_other_partitions_go_on(
    tmp_path, salesforce_process, make_settings
):
    one_is_enough = {"min.insync.replicas": "1"}  # of the group's offsets
    with Cluster.start(brokers=3, extra_properties=one_is_enough) as cluster:
        settings = make_settings(kafka_bootstrap_servers=cluster.bootstrap_servers)
        results = settings.topics.results
        async with TopicAdmin(settings) as admin:
            both = {"min.insync.replicas": "2"}
            specs = [
                replace(spec, config=spec.config | both) if spec.name == results else spec
                for spec in settings.topics.specs()
            ]
            await admin.create(specs)
        numbers = range(PARTITIONS)
        homes = {spec.name: {n: [LEADER] for n in numbers} for spec in specs}
        homes[results] = {n: [LEADER, LOST if n == THIN else LEFT] for n in numbers}
        await move_replicas(settings, homes)
        async with WorkerRig(settings, salesforce_process, tmp_path / "run", {}) as rig:

            async def are_home():
                found = {topic: await leaders(settings, topic) for topic in homes}
                return all(found[topic][n] in homes[topic][n] for topic in homes for n in numbers)

            await rig.until(are_home, timeout_seconds=60)
            worker = await rig.worker()
            await rig.publish((n, 1) for n in ORDERS)
            await rig.settled(len(ORDERS), timeout_seconds=90)

            cluster.brokers[LOST].kill()
            going_on = {n for n in ORDERS if partition(n) != THIN}
            held_up = set(ORDERS) - going_on
            assert going_on
            assert held_up

            def have(orders, version):
                versions = rig.versions()
                return all(versions.get(order_number(n)) == version for n in orders)

            # The first replica to miss leaves what is in sync within seconds; then a batch blocks.
            await rig.publish([(min(held_up), 2)])
            sentence = f"no ack for {results}-{THIN}"
            await rig.until(lambda: sentence in worker.output, timeout_seconds=60)
            for version in range(3, 3 + ROUNDS):
                await rig.publish((n, version) for n in ORDERS)
            await rig.until(lambda: have(going_on, 2.0 + ROUNDS), timeout_seconds=90)

            cluster.brokers[LOST].restart()
            await rig.until(lambda: have(ORDERS, 2.0 + ROUNDS), timeout_seconds=90)
            report = await rig.settled(len(ORDERS) * (1 + ROUNDS) + 1)
            assert report.total.dead == 0
            assert rig.org.summary()["stale_writes"] == 0
