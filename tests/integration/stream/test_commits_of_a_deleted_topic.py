"""A topic is deleted under whoever commits: the commit is over for all others."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from stream.kafka.connection import kafka_connection
from stream.kafka.group_answers import commit_what_is_there
from stream.kafka.topic_admin import TopicAdmin

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(90)]


async def test_a_deleted_topic_keeps_no_other_from_being_committed(settings, topics):
    """aiokafka asks again for ever; meanwhile no partition of the member is committed."""
    there, gone = settings.topics.orders, settings.topics.customers
    async with (
        TopicAdmin(settings) as admin,
        AIOKafkaConsumer(
            there,
            gone,
            **kafka_connection(settings),
            group_id=settings.worker_group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        ) as consumer,
    ):
        offsets = {TopicPartition(topic, 0): OffsetAndMetadata(0, "") for topic in (there, gone)}
        await admin.delete([gone])
        async with asyncio.timeout(45):
            await commit_what_is_there(consumer, offsets)
        assert await consumer.committed(TopicPartition(there, 0)) == 0
        await admin.create([spec for spec in settings.topics.specs() if spec.name == gone])
