"""The sandbox broker: real processes, real data on disk."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from sandbox.broker import Broker, BrokerError
from stream.config import load_settings
from stream.kafka.topic_admin import TopicAdmin
from stream.topics import TopicSpec
from tests.support.proof import one_told

pytestmark = pytest.mark.kafka

TOPIC = TopicSpec("orders", "a test", {})


async def write(broker: Broker, value: bytes) -> int:
    settings = load_settings(
        env_file=None, kafka_bootstrap_servers=broker.bootstrap_servers, kafka_partitions=1
    )
    async with TopicAdmin(settings) as admin:
        await admin.create([TOPIC])
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all") as producer:
        return (await producer.send_and_wait(TOPIC.name, value)).offset


async def read(broker: Broker, offset: int) -> bytes:
    place = TopicPartition(TOPIC.name, 0)
    async with AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers) as consumer:
        consumer.assign([place])
        consumer.seek(place, offset)
        return (await consumer.getone()).value


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def listens(broker: Broker) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", broker.port)) == 0


@pytest.mark.proof
async def test_a_kept_directory_keeps_the_data_for_the_next_start(tmp_path):
    with Broker.start(tmp_path / "kafka") as first:
        offset = await write(first, b"kept")
    assert not is_alive(first.process.pid)
    with Broker.start(tmp_path / "kafka") as second:
        assert await read(second, offset) == b"kept"
    assert (tmp_path / "kafka" / "data").is_dir()


async def test_a_restart_has_the_same_address_and_data_after_a_stop_and_after_kill_9(own_broker):
    address = own_broker.bootstrap_servers
    first = await write(own_broker, b"before a restart")
    own_broker.restart()
    assert own_broker.bootstrap_servers == address
    assert await read(own_broker, first) == b"before a restart"
    second = await write(own_broker, b"before kill -9")
    own_broker.kill()
    assert not own_broker.is_running
    own_broker.restart()
    assert own_broker.bootstrap_servers == address
    assert await read(own_broker, second) == b"before kill -9"


async def test_a_pause_is_silence_and_a_resume_goes_on(own_broker):
    offset = await write(own_broker, b"x")
    own_broker.pause()
    assert own_broker.is_running
    until(lambda: "T" in Path(f"/proc/{own_broker.process.pid}/stat").read_text().split()[2])
    own_broker.resume()
    assert await read(own_broker, offset) == b"x"


def test_stop_removes_the_temporary_directory_even_of_a_paused_broker():
    broker = Broker.start()
    broker.pause()
    broker.stop()
    assert not is_alive(broker.process.pid)
    assert not broker.directory.exists()
    assert not listens(broker)
    broker.stop()


@pytest.mark.proof
def test_two_brokers_run_side_by_side(own_broker):
    with Broker.start() as other:
        assert other.port != own_broker.port
        assert listens(other)
        assert listens(own_broker)


def test_a_directory_in_use_is_refused_and_its_broker_undisturbed(own_broker):
    config = (own_broker.directory / "server.properties").read_text()
    with pytest.raises(BrokerError, match="in use: another broker runs on it"):
        Broker.start(own_broker.directory)
    assert (own_broker.directory / "server.properties").read_text() == config
    assert listens(own_broker)


def test_a_setting_kafka_refuses_is_reported_and_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BrokerError, match=r"process\.roles"):
        Broker.start(extra_properties={"process.roles": "chief"})
    assert list(tmp_path.iterdir()) == []


OWNER = """
import sys
from sandbox.broker import Broker
broker = Broker.start()
print(broker.process.pid, broker.directory, flush=True)
sys.stdin.read()
"""


def test_the_broker_dies_with_its_owner_and_its_directory_goes_too():
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with owner:
        pid, directory = owner.stdout.readline().split()
        assert is_alive(int(pid))
        owner.kill()
        until(lambda: not is_alive(int(pid)))
        until(lambda: not Path(directory).exists())


@pytest.mark.parametrize("number", one_told([signal.SIGTERM, signal.SIGINT], told=signal.SIGTERM))
def test_the_command_prints_its_address_first_and_ends_with_a_signal(number):
    command = subprocess.Popen(
        [sys.executable, "-m", "sandbox.broker"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with command:
        address = command.stdout.readline().strip()
        assert re.fullmatch(r"127\.0\.0\.1:\d+", address)
        directory = Path(command.stderr.readline().strip().removeprefix("data and log: "))
        assert directory.is_dir()
        command.send_signal(number)
        assert command.wait(30) == 0
        assert not directory.exists()


def test_the_command_says_what_is_missing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.broker"],
        env={
            **{k: v for k, v in os.environ.items() if k != "JAVA_HOME"},
            "PATH": str(tmp_path),
            "ORDERSTREAM_CACHE": str(tmp_path / "cache"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("sandbox.broker: no Kafka broker")
    assert "install Java 17+ and Maven" in done.stderr
