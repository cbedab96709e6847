"""Kafka's settings in the compose file, read by the program with which the image reads them.

The image's entry point turns KAFKA_… variables into server.properties with a class that is in
Kafka's own jars. So without a Docker engine the same can be done here: its output starts a broker.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from aiokafka import AIOKafkaProducer

from sandbox.broker import Broker
from sandbox.broker.container import container_environment
from sandbox.broker.jars import ensure_jars, jars_directory
from sandbox.broker.tools import BrokerError, choose_source, find_java, java_command
from stream.config import load_settings
from stream.kafka.topic_admin import TopicAdmin

pytestmark = pytest.mark.kafka

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
# Where things are on this machine instead of in a container.
PLACES = ("listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs")


@pytest.fixture(scope="module", autouse=True)
def _jars() -> None:
    tools = find_java(jars=jars_directory())
    try:
        choose_source(tools)
        ensure_jars(tools.maven)
    except BrokerError as error:
        pytest.skip(f"needs Kafka's jars: {error}")


def properties_of_the_image(environment: dict[str, str], directory: Path) -> dict[str, str]:
    """Run the image's set-up step; return the server.properties that it wrote."""
    for name in ("default", "mounted", "final"):
        (directory / name).mkdir()
    for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
        (directory / "default" / name).touch()
    options = [
        f"--{name}-configs-dir={directory / name}" for name in ("default", "mounted", "final")
    ]
    java = [java_command(), "-cp", f"{jars_directory()}/*"]
    done = subprocess.run(
        [*java, "kafka.docker.KafkaDockerWrapper", "setup", *options],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (directory / "final" / "server.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line)


async def check_that_it_serves(broker: Broker) -> None:
    settings = load_settings(env_file=None, kafka_bootstrap_servers=broker.bootstrap_servers)
    async with TopicAdmin(settings) as admin:
        await admin.create(settings.topics.specs())
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers) as producer:
        assert (await producer.send_and_wait(settings.topics.orders, b"x")).offset == 0


@pytest.mark.proof
async def test_kafka_of_the_compose_file_starts_and_serves(tmp_path):
    environment = yaml.load(COMPOSE.read_text(), Loader=yaml.CSafeLoader)["services"]["kafka"][
        "environment"
    ]
    del environment["KAFKA_HEAP_OPTS"]
    environment["KAFKA_LOG_DIRS"] = str(tmp_path / "data")
    environment["KAFKA_ADVERTISED_LISTENERS"] = "INTERNAL://kafka:19092,HOST://localhost:9092"

    made = properties_of_the_image(environment, tmp_path)

    assert made["auto.create.topics.enable"] == "false"
    assert "heap.opts" not in made
    for name in PLACES:
        del made[name]
    made["listener.security.protocol.map"] += ",CLIENT:PLAINTEXT"
    made["inter.broker.listener.name"] = "CLIENT"
    with Broker.start(extra_properties=made) as broker:
        await check_that_it_serves(broker)


def test_kafka_of_the_test_container_is_configured_by_its_variables(tmp_path):
    environment = {
        **container_environment("localhost:12345"),
        "KAFKA_LOG_DIRS": str(tmp_path / "data"),
        "CLUSTER_ID": "17SxYXwBQyaXhKfanFBDng",
    }
    made = properties_of_the_image(environment, tmp_path)
    assert made["advertised.listeners"] == "CLIENT://localhost:12345"
    assert made["inter.broker.listener.name"] == "CLIENT"
