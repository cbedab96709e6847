"""The order state is read by version: who wrote last does not matter."""

import pytest
from aiokafka import AIOKafkaProducer

from agents.handling.state_store import StateStore
from schemas.state import State
from stream.kafka.connection import kafka_connection

pytestmark = pytest.mark.kafka
KEY, OTHER = b"order:1", b"order:2"


def state(version, offset=0):
    return State(version=version, digest="d", topic="magento.orders", partition=0, offset=offset)


@pytest.fixture
async def producer(make_settings, topics):
    producer = AIOKafkaProducer(**kafka_connection(make_settings()))
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
async def store(make_settings, topics):
    store = StateStore(topic=topics.state, connection=kafka_connection(make_settings()))
    await store.start()
    yield store
    await store.stop()


async def write(producer, topics, key, value):
    await producer.send_and_wait(topics.state, value.to_bytes(), key=key, partition=0)


async def test_the_newest_version_counts_wherever_it_stands(producer, store, topics):
    for version in ("2026-01-01 00:00:01", "2026-01-01 00:00:04", "2026-01-01 00:00:03"):
        await write(producer, topics, KEY, state(version))
    await store.ensure({0: 1})
    assert store.get(0, KEY).version == "2026-01-01 00:00:04"


async def test_what_was_overwritten_by_an_older_state_is_written_again(producer, store, topics):
    """Compaction keeps the last: without that the newer one would be gone for good."""
    for key, version in ((KEY, "2026-01-01 00:00:04"), (OTHER, "2026-01-01 00:00:04")):
        await write(producer, topics, key, state(version))
    await write(producer, topics, KEY, state("2026-01-01 00:00:03"))
    restored = []

    async def restore(newest):
        restored.extend(newest)

    store.restore = restore
    await store.ensure({0: 1})
    assert [(number, key) for number, key, _ in restored] == [(0, KEY)]
    assert State.from_bytes(restored[0][2]).version == "2026-01-01 00:00:04"


async def test_an_older_state_that_a_newer_one_followed_needs_no_repair(producer, store, topics):
    for second in (4, 3, 5):
        await write(producer, topics, KEY, state(f"2026-01-01 00:00:0{second}"))

    async def restore(_newest):
        pytest.fail("nothing is lost")

    store.restore = restore
    await store.ensure({0: 1})
    assert store.get(0, KEY).version == "2026-01-01 00:00:05"
