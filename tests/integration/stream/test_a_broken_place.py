"""One batch of a log is broken for good: what shows or judges goes on past it, and names it."""

from __future__ import annotations

import pytest
from support.broken_disk import break_batch, break_head
from support.topic_writer import TopicWriter

from schemas.result import Outcome
from stream.audit.audit import run_audit
from stream.audit.live_totals import LiveTotals
from stream.audit.trace import run_trace
from stream.dlq.index import DeadLetterIndex
from stream.errors import BrokerError
from stream.jobs.replay import ReplayFilter, ReplayRange, plan_replay
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.topic_admin import TopicAdmin
from stream.lag.sampler import LagSampler
from tests.integration.stream.test_relay_on_kafka import Outbox, put, running

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


@pytest.fixture
async def settings(own_broker, make_settings):
    settings = make_settings(kafka_bootstrap_servers=own_broker.bootstrap_servers)
    async with TopicAdmin(settings) as admin:
        await admin.create(settings.topics.specs())
        yield settings
        await admin.delete([spec.name for spec in settings.topics.specs()])


@pytest.fixture
async def writer(settings):
    async with TopicWriter(settings) as writer:
        yield writer


@pytest.fixture
async def events(settings, writer):
    """Five events of one order, each a batch of its own, and one of another partition."""
    mine = [await writer.accept("1001", {"status": f"s{n}"}) for n in range(5)]
    others = [await writer.accept(f"200{n}") for n in range(9)]
    other = next(e for e in others if e.origin.partition != mine[0].origin.partition)
    return mine, [*others, other][:-1]


async def test_an_event_that_nobody_can_read_is_named_and_the_rest_is_judged(
    own_broker, settings, writer, events
):
    mine, others = events
    for event in (*mine, *others):
        await writer.conclude(event, Outcome.SYNCED)
    where = mine[1].origin
    break_batch(own_broker, where.topic, where.partition, mine[1].value)
    report = await run_audit(settings)
    assert not report.is_ok
    assert report.problems == []
    ((name, why),) = report.unread.items()
    assert name == f"{where.topic}-{where.partition}"
    assert f"offset {where.offset} (" in why
    assert (report.total.accepted, report.total.synced) == (13, 13)
    assert report.outcomes_of_others == 0, "its outcome is of an event that is there"

    totals = LiveTotals(settings)
    async with PassingReader(settings) as reader:
        await totals.refresh(reader)
        assert (totals.balance, [*totals.unread.values()]) == (report.total, [why])
        await totals.refresh(reader)
        assert [*totals.unread.values()] == [why]
        chosen = ReplayRange(
            where.topic, None, None, ReplayFilter(order="1001", is_latest_only=False)
        )
        plan = await plan_replay(settings, reader, chosen)
    assert (plan.events, f"offset {where.offset} (" in plan.unread) == (4, True)

    life = await run_trace(settings, "1001")
    assert (life.deliveries, f"offset {where.offset} (" in life.unread) == (4, True)
    async with RangeReader(settings) as reader:  # who must not miss one ends there
        with pytest.raises(BrokerError, match=rf"/{where.partition} at offset {where.offset}: "):
            async for _ in reader.read(await reader.spans([where.topic])):
                pass


async def test_an_outcome_that_nobody_can_read_accuses_no_event(
    own_broker, settings, writer, events
):
    mine, others = events
    acks = [await writer.conclude(event, Outcome.SYNCED) for event in (*mine, *others)]
    broken = acks[2]
    break_batch(own_broker, broken.topic, broken.partition, mine[2].event_id.encode())
    report = await run_audit(settings, grace_seconds=0, now_ms=2**42)
    assert (report.problems, report.is_ok, report.unanswered_count) == ([], False, 1)
    assert [*report.unread] == [f"{broken.topic}-{broken.partition}"]


async def test_letters_beside_it_are_listed_and_it_is_said_that_there_may_be_others(
    own_broker, settings, writer, events
):
    mine, others = events
    acks = [await writer.bury(event) for event in (mine[0], mine[1], *others)]
    break_batch(own_broker, acks[0].topic, acks[0].partition, mine[0].value)
    async with PassingReader(settings) as reader:
        index = DeadLetterIndex(settings, reader)
        await index.refresh()
        assert len(index) == 1 + len(others)
        assert [*index.unread] == [(acks[0].topic, acks[0].partition)]
        index.refuse_silence()  # a requeue of what is known goes on


@pytest.mark.parametrize("break_it", [break_batch, break_head])
async def test_the_relay_forwards_all_others(own_broker, settings, writer, break_it):
    tier = settings.topics.retry_tiers[0]
    (broken,) = await put(writer, tier, 1, partition=0)
    behind = await put(writer, tier, 1, partition=0)
    break_it(own_broker, tier, 0, broken.encode())
    async with running(settings, outbox := Outbox()):
        for _ in range(3):
            await outbox.holds(
                [i for n in (1, 2, 3) for i in await put(writer, tier, 2, partition=n)]
            )
        assert not {broken, *behind} & set(outbox.ids)


async def test_how_old_the_oldest_is_stays_known_of_all_partitions(
    own_broker, settings, writer, events
):
    """Who stands before the place is asked for at each sample: no partition had an age any more."""
    mine, others = events
    break_batch(own_broker, mine[0].origin.topic, mine[0].origin.partition, mine[0].value)
    async with LagSampler(settings) as sampler:
        snapshot = await sampler.sample()
    behind = [part for part in snapshot.partitions if part.lag]
    assert {part.partition for part in behind} >= {e.origin.partition for e in (*mine, *others)}
    assert [part for part in behind if part.lag_seconds is None] == []


async def test_a_place_whose_head_is_broken_is_named_too(own_broker, settings, writer, events):
    """The broker says so by a code that aiokafka passes over: silence for ever, asked without end."""
    mine, others = events
    where = mine[1].origin
    break_head(own_broker, where.topic, where.partition, mine[1].value)
    async with RangeReader(settings) as reader:
        with pytest.raises(BrokerError, match=rf"/{where.partition} at offset {where.offset}: "):
            async for _ in reader.read(await reader.spans([where.topic])):
                pass
    report = await run_audit(settings)
    ((name, why),) = report.unread.items()
    assert name == f"{where.topic}-{where.partition}"
    behind = [e for e in (*mine[1:], *others) if e.origin.partition == where.partition]
    assert f"offset {where.offset} to {behind[-1].origin.offset} (" in why
    assert report.total.accepted == len(mine) + len(others) - len(behind)
