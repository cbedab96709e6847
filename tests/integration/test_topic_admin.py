from __future__ import annotations

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from stream.kafka.connection import kafka_connection
from stream.kafka.topic_admin import TopicAdmin
from stream.kafka.topic_plan import TopicAction

pytestmark = pytest.mark.kafka


async def test_created_topics_can_be_written_and_read_at_once(topics, make_settings):
    connection = kafka_connection(make_settings())
    async with AIOKafkaProducer(**connection) as producer:
        sent = await producer.send_and_wait(topics.orders, b"body", partition=3)
    async with AIOKafkaConsumer(
        topics.orders, auto_offset_reset="earliest", **connection
    ) as consumer:
        message = await consumer.getone()
    assert (message.partition, message.offset, message.value) == (3, sent.offset, b"body")


async def test_a_second_apply_finds_everything_in_order(topics, make_settings):
    async with TopicAdmin(make_settings()) as admin:
        plans = await admin.apply(topics.specs())
    assert {plan.action for plan in plans} == {TopicAction.OK}
    assert not any(plan.problems for plan in plans)
