"""Lag on a real broker: a consumer of the group reads, stops, and is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import ClientSession
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import REGISTRY
from support.topic_writer import delete_before, now_ms

from schemas.event import ErrorInfo
from stream.lag.evaluator import LagState
from stream.lag.exporter import export
from stream.lag.sampler import LagSampler
from stream.ops.status_server import status_server

pytestmark = pytest.mark.kafka

HOUR_MS = 3_600_000


@pytest.fixture
async def sampler(settings, topics):
    async with LagSampler(settings) as sampler:
        yield sampler


@pytest.fixture
async def worker(settings, topics):
    """A member of the workers' group that reads only what a test tells it to."""
    consumer = AIOKafkaConsumer(
        *settings.topics.sources,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.worker_group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    yield consumer
    await consumer.stop()


def of(snapshot, topic, partition):
    return next(p for p in snapshot.partitions if (p.topic, p.partition) == (topic, partition))


async def test_a_group_that_never_committed_has_everything_unread(settings, writer, sampler):
    event = await writer.accept("1", at_ms=now_ms() - 60_000)
    snapshot = await sampler.sample()
    part = of(snapshot, settings.topics.orders, event.origin.partition)
    assert (part.lag, part.state, part.is_assigned) == (1, LagState.STOP, False)
    assert part.lag_seconds >= 60
    month = 30 * 24 * 3600
    assert part.headroom_seconds <= month - 60
    worker, relay = snapshot.groups
    assert (worker.lag, worker.state, relay.state) == (1, LagState.STOP, LagState.OK)


async def test_commits_move_it_and_a_member_is_seen(settings, writer, sampler, worker):
    events = [await writer.accept("1") for _ in range(10)]
    pair = TopicPartition(settings.topics.orders, events[0].origin.partition)
    before = await sampler.sample(now_ms=now_ms())
    await worker.commit({pair: 4})
    after = await sampler.sample(now_ms=before.at_ms + 2_000)

    part = of(after, *pair)
    assert (part.lag, part.position, part.is_assigned) == (6, 4, True)
    assert (part.rate_out, part.rate_in) == (2.0, 0.0)
    assert part.seconds_to_zero == 3.0
    assert part.state is LagState.OK


async def test_a_member_that_does_nothing_stalls_and_its_death_is_a_stop(
    settings, writer, sampler, worker
):
    event = await writer.accept("1")
    start = now_ms()
    for second in range(0, 12, 2):
        snapshot = await sampler.sample(now_ms=start + second * 1000)
    where = (settings.topics.orders, event.origin.partition)
    assert of(snapshot, *where).state is LagState.STALL

    await worker.stop()
    snapshot = await sampler.sample(now_ms=start + 14_000)
    assert of(snapshot, *where).state is LagState.STOP


async def test_events_deleted_unread_are_told(settings, writer, sampler, worker):
    events = [await writer.accept("1") for _ in range(5)]
    pair = TopicPartition(settings.topics.orders, events[0].origin.partition)
    await worker.commit({pair: 1})
    await delete_before(settings, *pair, 4)
    part = of(await sampler.sample(), *pair)
    assert (part.deleted_unread, part.lag) == (3, 1)


async def test_retry_tiers_tell_due_from_not_yet_due(settings, writer, sampler):
    tier = settings.topics.retry_tiers[0]  # 30 s
    now = now_ms()
    error = ErrorInfo("lock", "UNABLE_TO_LOCK_ROW", "locked")
    for age_ms in (90_000, 40_000, 5_000):
        event = await writer.accept("1")
        waits = replace(event, attempt=1, error=error, not_before_ms=now - age_ms + 30_000)
        await writer.copy(waits, tier, at_ms=now - age_ms)

    snapshot = await sampler.sample(now_ms=now)

    depths = {depth.topic: (depth.due, depth.not_due) for depth in snapshot.tiers}
    assert depths.pop(tier) == (2, 1)
    assert set(depths.values()) == {(0, 0)}


async def test_a_tier_whose_head_is_not_due_is_not_late_whatever_time_it_names(
    settings, writer, sampler
):
    """The relay waits, as it must: no stall. A time of next year it does not wait for, either."""
    event, tier, now = await writer.accept("1"), settings.topics.retry_tiers[-1], now_ms()
    tardy = await writer.accept("1")
    where = event.origin.partition
    for one, tier_of, not_before_ms in (
        (event, tier, now + 1_800_000),
        (tardy, settings.topics.retry_tiers[0], now + 365 * 24 * HOUR_MS),
    ):
        waits = replace(one, attempt=1, not_before_ms=not_before_ms)
        await writer.copy(waits, tier_of, at_ms=now - 1_800_000)

    snapshot = await sampler.sample(now_ms=now)

    assert of(snapshot, tier, where).lag_seconds == 0.0
    assert of(snapshot, settings.topics.retry_tiers[0], where).lag_seconds > 1_700


async def test_dead_letters_count_while_they_are_open(settings, writer, sampler):
    event = await writer.accept("1")
    await writer.bury(event, at_ms=now_ms() - HOUR_MS)
    depth = (await sampler.sample()).dead_letters
    assert depth.count == 1
    assert abs(now_ms() - HOUR_MS - depth.oldest_ms) < 60_000


async def test_prometheus_gets_the_names_the_ecosystem_knows(settings, writer, sampler):
    event = await writer.accept("1", at_ms=now_ms() - 60_000)
    await writer.bury(event)
    export(await sampler.sample(), dead_letter_topic=settings.topics.dead_letters)

    labels = {
        "consumergroup": settings.worker_group,
        "topic": settings.topics.orders,
        "partition": str(event.origin.partition),
    }
    assert REGISTRY.get_sample_value("kafka_consumergroup_lag", labels) == 1
    assert REGISTRY.get_sample_value("kafka_consumergroup_lag_seconds", labels) > 59
    stop = labels | {"state": "STOP"}
    assert REGISTRY.get_sample_value("orderstream_lag_state", stop) == 1
    async with (
        status_server("127.0.0.1", 0, not_ready=lambda: None) as url,
        ClientSession() as client,
    ):
        page = await (await client.get(f"{url}/metrics")).text()
    topic = {"topic": settings.topics.dead_letters}
    assert REGISTRY.get_sample_value("orderstream_dead_letters_open", topic) == 1
    assert f'kafka_topic_partition_current_offset{{partition="{labels["partition"]}"' in page


async def test_an_idle_installation_is_quiet(sampler):
    snapshot = await sampler.sample()
    assert snapshot.is_quiet
    assert {group.state for group in snapshot.groups} == {LagState.OK}


async def test_what_waits_in_a_tier_of_the_past_is_seen_and_nobody_forwards_it(
    make_settings, writer
):
    """RETRY_DELAYS was changed while events waited in the old tiers."""
    event = await writer.accept("1")
    old = writer.topics.retry_tiers[0]
    await writer.copy(replace(event, attempt=1, not_before_ms=now_ms()), old)
    async with LagSampler(make_settings(retry_delays="45s")) as sampler:
        snapshot = await sampler.sample()
    part = of(snapshot, old, event.origin.partition)
    assert (part.lag, part.state) == (1, LagState.STOP)
    assert {tier.topic: tier.due for tier in snapshot.tiers}[old] == 1
