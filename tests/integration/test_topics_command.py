from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream.kafka.topic_admin import TopicAdmin
from stream.topics import DAY_MS, TopicSpec

pytestmark = pytest.mark.kafka


@pytest.fixture
def orderstream(bootstrap_servers, topic_prefix, tmp_path):
    """Run `orderstream topics …` as its own process; settings are environment variables."""

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "cli", "topics", *arguments],
            env={
                **os.environ,
                "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
                "KAFKA_TOPIC_PREFIX": topic_prefix,
                "KAFKA_PARTITIONS": "2",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
async def tidy(make_settings):
    """Delete this test's topics at the end."""
    yield
    settings = make_settings()
    names = [spec.name for spec in settings.topics.specs()]
    async with TopicAdmin(settings) as admin:
        await admin.delete(list(await admin.existing(names)))


async def set_config(bootstrap_servers, topic, **config):
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await client.start()
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=config)
        await client.alter_configs([resource])
    finally:
        await client.close()


def rows(done):
    return {row["name"]: row for row in json.loads(done.stdout)["topics"]}


async def test_plan_shows_apply_makes_and_a_second_apply_has_nothing_to_do(
    orderstream, tidy, make_settings, topic_prefix
):
    planned = orderstream("plan", "--json")
    assert planned.returncode == 0, planned.stderr
    assert {row["action"] for row in rows(planned).values()} == {"create"}

    applied = orderstream("apply")
    assert applied.returncode == 0, applied.stderr
    assert f"{topic_prefix}magento.orders" in applied.stdout
    assert "created" in applied.stdout

    again = orderstream("apply", "--json")
    assert again.returncode == 0
    assert {row["action"] for row in rows(again).values()} == {"ok"}
    assert json.loads(again.stdout)["applied"] is True


async def test_a_setting_somebody_changed_is_set_back_and_their_own_ones_stay(
    orderstream, tidy, make_settings, bootstrap_servers
):
    orderstream("apply")
    settings = make_settings()
    topic = settings.topics.orders
    await set_config(
        bootstrap_servers, topic, **{"retention.ms": "60000", "segment.bytes": "5000000"}
    )
    async with TopicAdmin(settings) as admin:
        for _ in range(100):
            if (await admin.existing([topic]))[topic].config["retention.ms"] == "60000":
                break

    planned = orderstream("plan", "--json")
    assert rows(planned)[topic]["action"] == "change"
    assert rows(planned)[topic]["changes"]["retention.ms"] == {
        "now": "60000",
        "wanted": str(30 * DAY_MS),
    }
    applied = orderstream("apply")
    assert applied.returncode == 0, applied.stderr
    async with TopicAdmin(settings) as admin:
        config = (await admin.existing([topic]))[topic].config
    assert config["retention.ms"] == str(30 * DAY_MS)
    assert config["segment.bytes"] == "5000000"


async def test_a_topic_with_another_partition_count_needs_a_person(
    orderstream, tidy, make_settings
):
    settings = make_settings(kafka_partitions=3)
    topic = settings.topics.orders
    async with TopicAdmin(settings) as admin:
        await admin.create([TopicSpec(topic, "made by somebody", {})])
    for command in ("plan", "apply"):
        done = orderstream(command, "--json")
        assert done.returncode == 1
        (problem,) = rows(done)[topic]["problems"]
        assert "has 3 partitions, KAFKA_PARTITIONS is 2" in problem
    assert "needs a person" in orderstream("plan").stdout


def test_kafka_that_is_away_is_one_sentence_and_exit_2(orderstream):
    done = orderstream("plan", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("orderstream: no Kafka at KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1")


def test_more_replicas_than_brokers_is_a_settings_error(orderstream):
    done = orderstream("apply", KAFKA_REPLICATION_FACTOR="9")
    assert done.returncode == 2
    assert "KAFKA_REPLICATION_FACTOR: is 9, the cluster has" in done.stderr


def test_help_has_an_example(orderstream):
    for command in ("plan", "apply"):
        done = orderstream(command, "--help")
        assert done.returncode == 0
        assert f"orderstream topics {command}" in done.stdout
