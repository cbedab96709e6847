"""Three brokers of the sandbox: each hurt by its id, and what is acknowledged survives it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from sandbox.broker import Cluster
from sandbox.ports import PORTS
from stream.config import load_settings
from stream.kafka.group_answers import heed_errors
from stream.kafka.topic_admin import TopicAdmin
from stream.topics import TopicSpec

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

TOPIC = TopicSpec("orders", "a test", {})
RECORDS = 600
KILLED_AFTER = 150


@pytest.fixture(scope="module")
def cluster():
    with Cluster.start() as cluster:
        yield cluster


def settings_of(cluster):
    return load_settings(
        env_file=None,
        kafka_bootstrap_servers=cluster.bootstrap_servers,
        kafka_partitions=1,
        kafka_replication_factor=3,
    )


async def leader_of(cluster):
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)
    await admin.start()
    try:
        [described] = await admin.describe_topics([TOPIC.name])
        return described["partitions"][0]["leader"]
    finally:
        await admin.close()


async def read_all(cluster, count):
    place = TopicPartition(TOPIC.name, 0)
    async with AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap_servers) as consumer:
        consumer.assign([place])
        await consumer.seek_to_beginning()
        return [(await consumer.getone()).value for _ in range(count)]


async def test_who_is_not_the_coordinator_has_no_say_in_what_was_committed(cluster):
    """A coordinator moves between a join and the question for offsets: that is no empty group."""
    place, group = TopicPartition("moving", 0), "a-group"
    async with TopicAdmin(settings_of(cluster)) as admin:
        await admin.create([TopicSpec(place.topic, "a test", {})])
    servers = cluster.bootstrap_servers
    async with AIOKafkaConsumer(
        bootstrap_servers=servers, group_id=group, enable_auto_commit=False
    ) as consumer:
        consumer.assign([place])
        await consumer.commit({place: OffsetAndMetadata(7, "read")})
        coordinator = consumer._coordinator
        heed_errors(coordinator)
        coordinator.coordinator_id = next(
            broker for broker in cluster.brokers if broker != coordinator.coordinator_id
        )
        async with asyncio.timeout(30):
            found = await coordinator.fetch_committed_offsets([place])
        assert found == {place: OffsetAndMetadata(7, "read")}


async def test_a_leader_killed_under_load_loses_nothing_that_was_acknowledged(cluster):
    async with TopicAdmin(settings_of(cluster)) as admin:
        await admin.create([TOPIC])
        topic = (await admin.existing([TOPIC.name]))[TOPIC.name]
    assert topic.replication_factor == 3
    assert topic.config["min.insync.replicas"] == "2"

    led = await leader_of(cluster)
    sent = [str(n).encode() for n in range(RECORDS)]
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.bootstrap_servers, acks="all", enable_idempotence=True
    )
    async with producer:
        for value in sent[:KILLED_AFTER]:
            await producer.send_and_wait(TOPIC.name, value)
        killing = asyncio.create_task(asyncio.to_thread(cluster.brokers[led].kill))
        for value in sent[KILLED_AFTER : 2 * KILLED_AFTER]:
            await producer.send_and_wait(TOPIC.name, value)
        await killing
        for value in sent[2 * KILLED_AFTER :]:
            await producer.send_and_wait(TOPIC.name, value)
    assert await leader_of(cluster) != led
    assert await read_all(cluster, RECORDS) == sent
    await asyncio.to_thread(cluster.brokers[led].restart)
    assert cluster.is_running


def test_every_port_is_below_the_range_of_outgoing_connections(cluster):
    ports = [int(port) for port in re.findall(r":(\d+)", cluster.bootstrap_servers)]
    assert len(set(ports)) == 3
    assert [port for port in ports if port not in PORTS] == []


@pytest.mark.proof
def test_the_command_hurts_a_broker_by_its_id_and_ends_with_its_input_open():
    command = subprocess.Popen(
        [sys.executable, "-m", "sandbox.broker", "--brokers", "3"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with command:
        address = command.stdout.readline().strip()
        assert re.fullmatch(r"(127\.0\.0\.1:\d+,){2}127\.0\.0\.1:\d+", address)
        directory = Path(command.stderr.readline().strip().removeprefix("data and log: "))
        for line in ("pause 2", "resume 2", "kill 2", "restart 2"):
            command.stdin.write(f"{line}\n")
            command.stdin.flush()
            assert command.stderr.readline().strip() == f"{line}: done"
        command.stdin.write("kill 7\n")
        command.stdin.flush()
        assert "say one of kill, halt" in command.stderr.readline()
        command.terminate()
        assert command.wait(60) == 0
        assert not directory.exists()
