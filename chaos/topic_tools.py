"""What a scenario does to topics: other settings, gone and back, and how much is in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.new_partitions import NewPartitions
from aiokafka.protocol.admin import AlterPartitionReassignmentsRequest

from stream.config import Settings
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.topic_admin import TopicAdmin
from stream.kafka.topic_plan import wanted_config

MOVE_TIMEOUT_MS = 30_000


async def set_topic(settings: Settings, topic: str, **config: str) -> None:
    """Set configuration values of a topic of the product; its others stay as they are made.

    The admin call replaces all of a topic's own values, so they are given again.
    """
    spec = next(spec for spec in settings.topics.specs() if spec.name == topic)
    own = wanted_config(spec, settings.kafka_replication_factor)
    async with _admin(settings) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=own | config)
        await admin.alter_configs([resource])


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def delete_topic(settings: Settings, topic: str) -> None:
    async with TopicAdmin(settings) as admin:
        await admin.delete([topic])


async def create_topic(settings: Settings, topic: str) -> None:
    """Make a topic of the product again, as `orderstream topics apply` would."""
    async with TopicAdmin(settings) as admin:
        await admin.create([spec for spec in settings.topics.specs() if spec.name == topic])


async def record_count(settings: Settings, topic: str) -> int:
    """Return how many records a topic really holds: read, because compaction leaves gaps."""
    async with RangeReader(settings) as reader:
        spans = await reader.spans([topic])
        return sum([len(batch) async for batch in reader.read(spans)])


async def end_offsets(settings: Settings, topic: str) -> int:
    """Return how many records were ever written to a topic."""
    async with RangeReader(settings) as reader:
        return sum(span.end for span in await reader.spans([topic]))


async def leaders(settings: Settings, topic: str) -> dict[int, int]:
    """Return partition → the id of the broker that leads it; -1: nobody does."""
    async with _admin(settings) as admin:
        [described] = await admin.describe_topics([topic])
        return {part["partition"]: part["leader"] for part in described["partitions"]}


async def in_sync(settings: Settings, topic: str) -> dict[int, set[int]]:
    """Return partition → the brokers whose copy is up to date."""
    async with _admin(settings) as admin:
        [described] = await admin.describe_topics([topic])
        return {part["partition"]: set(part["isr"]) for part in described["partitions"]}


async def coordinator(settings: Settings, group: str) -> int:
    """Return the id of the broker that coordinates a consumer group."""
    async with _admin(settings) as admin:
        return int(await admin.find_coordinator(group))


async def add_partitions(settings: Settings, topic: str, total: int) -> None:
    """Do what `kafka-topics --alter --partitions` does."""
    async with _admin(settings) as admin:
        await admin.create_partitions({topic: NewPartitions(total)})


async def move_replicas(settings: Settings, moves: Mapping[str, Mapping[int, list[int]]]) -> None:
    """Do what `kafka-reassign-partitions --execute` does: topic → partition → its brokers."""
    wanted: list[Any] = [
        (topic, [(number, brokers, {}) for number, brokers in partitions.items()], {})
        for topic, partitions in moves.items()
    ]
    async with _admin(settings) as admin:
        request = AlterPartitionReassignmentsRequest(MOVE_TIMEOUT_MS, wanted, {})  # type: ignore[arg-type]  # its annotation is not its schema
        response: Any = await admin._send_to_controller(request)  # noqa: SLF001 - no call for it
    codes = {part[1] for _topic, parts, *_ in response.responses for part in parts}
    if response.error_code or codes - {0}:
        raise RuntimeError(f"Kafka moves no replicas: {response}")
