"""What a scenario does to topics: other settings, gone and back, and how much is in them."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream.config import Settings
from stream.kafka.range_reader import RangeReader
from stream.kafka.topic_admin import TopicAdmin


async def set_topic(settings: Settings, topic: str, **config: str) -> None:
    """Set configuration values of a topic of the product; its others stay as they are made.

    The admin call replaces all of a topic's own values, so they are given again.
    """
    own = next(spec.config for spec in settings.topics.specs() if spec.name == topic)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=own | config)
        await admin.alter_configs([resource])
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
