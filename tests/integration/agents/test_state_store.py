"""The order state is read by version: who wrote last does not matter."""

import pytest
import structlog
from aiokafka import AIOKafkaProducer

from agents.handling.state_store import KEEP_UNOWNED_SECONDS, StateStore
from schemas.state import State
from stream.kafka.connection import kafka_connection
from tests.support.topics_anew import make_anew

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


@pytest.fixture
async def anew(make_settings, topics):
    """A function that cuts the state's log as an unclean election does: gone, from the start."""

    async def cut():
        await make_anew(make_settings(), topics.state)

    return cut


def second(number):
    return f"2026-01-01 00:00:0{number}"


async def test_a_log_that_was_cut_costs_no_state_and_gets_back_what_it_lost(
    make_settings, store, topics, anew
):
    """What is known is what Salesforce has: an older event must not be written over it."""
    restored = []

    async def restore(newest):
        restored.extend(key for _, key, _ in newest)

    store.restore = restore
    async with AIOKafkaProducer(**kafka_connection(make_settings())) as before:
        await write(before, topics, KEY, state(second(4)))
        await write(before, topics, OTHER, state(second(4)))
    await store.ensure({0: 1})
    await anew()
    await store.ensure({0: 2})
    assert store.get(0, KEY).version == second(4)
    assert set(restored) == {KEY, OTHER}


async def test_a_log_that_was_cut_and_outgrew_what_was_read_is_read_from_its_start(
    make_settings, store, topics, anew
):
    """Every offset is within the log: only the record tells."""
    async with AIOKafkaProducer(**kafka_connection(make_settings())) as before:
        await write(before, topics, KEY, state(second(2)))
    await store.ensure({0: 1})
    await anew()
    async with AIOKafkaProducer(**kafka_connection(make_settings())) as after:
        for key, version in ((OTHER, 5), (KEY, 4), (b"order:3", 1)):
            await write(after, topics, key, state(second(version)))
    await store.ensure({0: 2})
    assert store.get(0, OTHER).version == second(5)
    assert store.get(0, KEY).version == second(4)


async def test_a_log_that_is_cut_while_it_is_read_is_asked_again_where_it_ends(
    producer, store, topics, monkeypatch
):
    """The end that was asked for never comes: without asking again the worker waits for ever."""
    await write(producer, topics, KEY, state(second(3)))
    consumer = store._consumer
    true_ends = consumer.end_offsets
    answers = [lambda end: end + 5]  # as it was before the cut

    async def end_offsets(parts):
        said = answers.pop() if answers else int
        return {tp: said(end) for tp, end in (await true_ends(parts)).items()}

    monkeypatch.setattr(consumer, "end_offsets", end_offsets)
    with structlog.testing.capture_logs() as logged:
        await store.ensure({0: 1})
    assert store.get(0, KEY).version == second(3)
    assert [entry["event"] for entry in logged] == ["state_load_failed", "state_loaded"]


async def test_a_reader_that_was_asked_of_nothing_can_still_read(producer, store, topics):
    """aiokafka's fetcher died when its assignment was gone before it had looked."""
    for generation in range(1, 4):
        await store.ensure({0: generation})
    await write(producer, topics, KEY, state(second(1)))
    await store.ensure({0: 4})
    assert store.get(0, KEY).version == second(1)


async def test_a_reader_that_has_come_to_a_stand_gives_way_to_another(
    producer, store, topics, monkeypatch
):
    await write(producer, topics, KEY, state(second(1)))

    async def nothing(*_parts, timeout_ms):
        return {}

    monkeypatch.setattr(store._consumer, "getmany", nothing)
    await store.ensure({0: 1})
    assert store.get(0, KEY).version == second(1)


async def test_a_log_that_only_grew_is_read_from_where_it_was(producer, store, topics):
    await write(producer, topics, KEY, state(second(1)))
    await store.ensure({0: 1})
    await write(producer, topics, OTHER, state(second(2)))
    with structlog.testing.capture_logs() as said:
        await store.ensure({0: 2})
    assert store.get(0, OTHER).version == second(2)
    (loaded,) = [entry for entry in said if entry["event"] == "state_loaded"]
    assert loaded["records"] == 2  # the one that was read last, and the new one


async def test_the_state_of_a_partition_that_is_held_is_kept_however_long_it_is_quiet(
    producer, make_settings, topics
):
    """An event may wait for the org for longer; its state is asked for when it is written."""
    now = [0.0]
    connection = kafka_connection(make_settings())
    store = StateStore(topic=topics.state, connection=connection, clock=lambda: now[0])
    await write(producer, topics, KEY, state("2026-01-01 00:00:04"))
    try:
        await store.ensure({0: 1})
        now[0] += KEEP_UNOWNED_SECONDS + 1
        await store.ensure({1: 1})
        assert store.get(0, KEY).version == "2026-01-01 00:00:04"
        now[0] += KEEP_UNOWNED_SECONDS + 1
        await store.ensure({1: 2})
        assert store.key_count == 0, "what is not held any more is not kept for ever"
    finally:
        await store.stop()


async def test_what_was_erased_while_another_had_the_partition_is_not_written_again(
    producer, make_settings, topics, anew
):
    """After `delete.retention.ms` compaction has taken the tombstone, too: nothing tells of it."""
    now, restored = [0.0], []

    async def restore(newest):
        restored.extend(key for _, key, _ in newest)

    connection = kafka_connection(make_settings())
    store = StateStore(topic=topics.state, connection=connection, clock=lambda: now[0])
    store.restore = restore
    await write(producer, topics, KEY, state(second(4)))
    try:
        await store.ensure({0: 1})
        await anew()
        now[0] += KEEP_UNOWNED_SECONDS + 1
        await store.ensure({0: 3})
        assert store.get(0, KEY) is None
        assert not restored
    finally:
        await store.stop()
