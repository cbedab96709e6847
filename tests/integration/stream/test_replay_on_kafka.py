"""Replay on a real broker: what is chosen, what is published, and that it stops and resumes."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from support.topic_writer import now_ms

from schemas.event import Kind, Via
from stream.errors import JobError
from stream.jobs.operator_log import OperatorLog
from stream.jobs.replay import ReplayFilter, ReplayRange, new_replay, plan_replay, run_replay
from stream.jobs.runner import JobRun
from stream.jobs.spec import find_job
from stream.kafka.log.range_reader import RangeReader, record_envelope

pytestmark = pytest.mark.kafka

FAST = 100_000.0
HOUR_MS = 3_600_000
EVERYTHING = ReplayFilter(is_latest_only=False)


@pytest.fixture
async def reader(settings, topics):
    async with RangeReader(settings) as reader:
        yield reader


@pytest.fixture
async def due_reader(settings, topics):
    async with RangeReader(settings) as reader:
        yield reader


@pytest.fixture
def run_job(settings, writer, reader, due_reader):
    async def run(spec, plan=None, *, stop=None, on_progress=None):
        job = JobRun(
            settings,
            spec,
            due_reader,
            operator=OperatorLog(writer, settings.topics, who="ann@desk"),
            max_backlog=0,
            stop=stop,
            on_progress=on_progress,
        )
        return await run_replay(settings, job, reader, plan)

    return run


async def plan_of(settings, reader, topic, wanted, *, since_ms=None, until_ms=None):
    return await plan_replay(settings, reader, ReplayRange(topic, since_ms, until_ms, wanted))


async def copies(settings, reader):
    found = []
    async for batch in reader.read(await reader.spans([settings.topics.due])):
        found += [record_envelope(record) for record in batch]
    return found


async def test_latest_only_takes_the_newest_version_of_each_order(
    settings, writer, reader, run_job
):
    newest = []
    for key in ("1", "2", "3"):
        await writer.accept(key, {"updated_at": "2026-11-25 10:00:00"})
        newest.append(await writer.accept(key, {"updated_at": "2026-11-25 12:00:00"}))
        await writer.accept(key, {"updated_at": "2026-11-25 11:00:00"})  # arrived late

    plan = await plan_of(settings, reader, settings.topics.orders, ReplayFilter())

    assert (plan.scanned, plan.matching, plan.orders, plan.events) == (9, 9, 3, 3)
    assert {sample.event_id for sample in plan.samples} == {event.event_id for event in newest}
    spec = await new_replay(settings, reader, plan, rate=FAST, why="new mapping")
    report = await run_job(spec, plan)
    assert report.copied == 3
    published = await copies(settings, reader)
    assert Counter(c.event_id for c in published) == Counter(e.event_id for e in newest)
    by_id = {event.event_id: event for event in newest}
    for copy in published:
        event = by_id[copy.event_id]
        assert (copy.value, copy.key, copy.origin) == (event.value, event.key, event.origin)
        assert (copy.via, copy.job_id, copy.is_forced) == (Via.REPLAY, spec.job_id, False)
    spans = {span.partition for span in await reader.spans([settings.topics.due]) if span.size}
    assert spans == {event.origin.partition for event in newest}


async def test_all_takes_every_event_and_force_is_written_on_each(
    settings, writer, reader, run_job
):
    for _ in range(3):
        await writer.accept("1")
    wanted = ReplayFilter(is_latest_only=False, is_forced=True)
    plan = await plan_of(settings, reader, settings.topics.orders, wanted)
    await run_job(await new_replay(settings, reader, plan, rate=FAST, why="x"), plan)
    assert [copy.is_forced for copy in await copies(settings, reader)] == [True] * 3


async def test_the_range_the_order_the_store_and_the_status_choose(settings, writer, reader):
    now = now_ms()
    await writer.accept("1", {"store_id": 1, "status": "complete"}, at_ms=now - 3 * HOUR_MS)
    await writer.accept("2", {"store_id": 2, "status": "complete"}, at_ms=now - 2 * HOUR_MS)
    await writer.accept("3", {"store_id": "2", "status": "holded"}, at_ms=now - HOUR_MS)
    topic = settings.topics.orders

    async def events(wanted, **between):
        plan = await plan_of(settings, reader, topic, wanted, **between)
        return sorted(sample.key for sample in plan.samples)

    assert await events(ReplayFilter(store="2")) == ["2", "3"]
    assert await events(ReplayFilter(status="complete")) == ["1", "2"]
    assert await events(ReplayFilter(order="3")) == ["3"]
    assert await events(EVERYTHING, since_ms=now - 2 * HOUR_MS, until_ms=now - HOUR_MS) == ["2"]
    assert await events(ReplayFilter(store="2", status="holded")) == ["3"]


async def test_latest_only_asks_the_newest_event_whether_it_fits(settings, writer, reader):
    await writer.accept("1", {"status": "processing", "updated_at": "2026-11-25 10:00:00"})
    await writer.accept("1", {"status": "complete", "updated_at": "2026-11-25 11:00:00"})
    topic = settings.topics.orders
    left = await plan_of(settings, reader, topic, ReplayFilter(status="processing"))
    assert (left.events, left.orders, left.matching) == (0, 0, 1)
    now = await plan_of(settings, reader, topic, ReplayFilter(status="complete"))
    assert (now.events, now.orders) == (1, 1)
    every = ReplayFilter(status="processing", is_latest_only=False)
    assert (await plan_of(settings, reader, topic, every)).events == 1


async def test_a_limit_holds_for_both_modes(settings, writer, reader):
    await writer.accept_many(str(number) for number in range(1, 21))
    for is_latest_only in (True, False):
        wanted = ReplayFilter(is_latest_only=is_latest_only, limit=7)
        plan = await plan_of(settings, reader, settings.topics.orders, wanted)
        assert (plan.events, plan.matching) == (7, 20)


async def test_events_that_cannot_be_decoded_are_counted_and_left_out(settings, writer, reader):
    await writer.accept("1")
    await writer.accept("2", value=b"{")
    plan = await plan_of(settings, reader, settings.topics.orders, ReplayFilter())
    assert (plan.events, plan.undecodable) == (1, 1)


async def test_customers_replay_too(settings, writer, reader):
    await writer.accept("ann@example.com", kind=Kind.CUSTOMER)
    plan = await plan_of(settings, reader, settings.topics.customers, ReplayFilter())
    assert [sample.key for sample in plan.samples] == ["ann@example.com"]


async def test_a_plan_writes_nothing(settings, writer, reader):
    await writer.accept("1")
    before = len(writer.published)
    await plan_of(settings, reader, settings.topics.orders, ReplayFilter())
    assert len(writer.published) == before
    assert await copies(settings, reader) == []


async def test_events_that_arrive_during_a_replay_are_not_part_of_it(
    settings, writer, reader, run_job
):
    await writer.accept_many(str(number) for number in range(1, 11))
    plan = await plan_of(settings, reader, settings.topics.orders, EVERYTHING)
    spec = await new_replay(settings, reader, plan, rate=FAST, why="x")
    await writer.accept_many(str(number) for number in range(1, 11))
    assert (await run_job(spec)).copied == 10


async def test_a_stopped_replay_resumes_by_its_id_alone(settings, writer, reader, run_job):
    events = await writer.accept_many(str(number) for number in range(1, 81))
    plan = await plan_of(settings, reader, settings.topics.orders, ReplayFilter())
    spec = await new_replay(settings, reader, plan, rate=150.0, why="x")
    stop = asyncio.Event()
    first = await run_job(
        spec, plan, stop=stop, on_progress=lambda report: report.copied >= 30 and stop.set()
    )
    assert first.is_stopped

    second = await run_job(await find_job(settings, reader, spec.job_id))

    assert (second.found, second.copied) == (first.copied, 80 - first.copied)
    published = await copies(settings, reader)
    assert Counter(c.event_id for c in published) == Counter(e.event_id for e in events)


async def test_the_rate_is_kept(settings, writer, reader, run_job):
    await writer.accept_many(str(number) for number in range(1, 61))
    plan = await plan_of(settings, reader, settings.topics.orders, ReplayFilter())
    report = await run_job(await new_replay(settings, reader, plan, rate=40.0, why="x"), plan)
    # A burst of a tenth of a second is free; the rest takes its time.
    assert report.seconds >= (60 - 8) / 40.0


async def test_a_job_older_than_what_due_keeps_is_refused(settings, writer, reader, run_job):
    from support.topic_writer import delete_before

    event = await writer.accept("1")
    plan = await plan_of(settings, reader, settings.topics.orders, ReplayFilter())
    spec = await new_replay(settings, reader, plan, rate=FAST, why="x")
    await run_job(spec, plan)
    await delete_before(settings, settings.topics.due, event.origin.partition, 1)
    with pytest.raises(JobError, match="too old to resume"):
        await run_job(spec)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2026-11-25 20:00:00", "2026-11-25 12:30:00"),  # eight hours ahead: the store's own zone
        ("2099-01-01 00:00:00", "2026-11-25 12:30:00"),
        ("2026-11-25T12:00:00Z", "2026-11-25 12:30:00"),
        ("2026-11-25 14:00:00+02:00", "2026-11-25 12:30:00"),
        ("2026-11-25 12:30:00.000000", "2026-11-25 12:30:00"),
    ],
)
async def test_the_newest_is_told_as_workers_tell_it(settings, writer, reader, older, newer):
    """By the bare text, a wrong clock's save was chosen, superseded, and the order left as it was."""
    noon_ms = 1_795_608_000_000  # 2026-11-25 12:00
    await writer.accept("1", {"updated_at": older}, at_ms=noon_ms)
    event = await writer.accept("1", {"updated_at": newer}, at_ms=noon_ms + HOUR_MS)
    plan = await plan_of(settings, reader, settings.topics.orders, ReplayFilter())
    assert [sample.event_id for sample in plan.samples] == [event.event_id]


async def test_of_one_second_the_order_that_has_come_further_is_the_newest(
    settings, writer, reader
):
    second = {"updated_at": "2026-11-25 12:00:00"}
    event = await writer.accept("1", second | {"state": "complete"})
    await writer.accept("1", second | {"state": "processing"})
    assert (
        event in (await plan_of(settings, reader, settings.topics.orders, ReplayFilter())).samples
    )
    later = await writer.accept("1", second)  # of no state: it came later
    plan = await plan_of(settings, reader, settings.topics.orders, ReplayFilter())
    assert [sample.event_id for sample in plan.samples] == [later.event_id]


async def test_of_what_is_missing_every_event_is_taken_and_the_newest_of_its_orders(
    settings, writer, reader, run_job
):
    """Each needs an outcome; an older one may go over a newer one whose state was cut as well."""
    missing = [await writer.accept("1", {"updated_at": "2026-11-25 10:00:00"})]
    newest = await writer.accept("1", {"updated_at": "2026-11-25 12:00:00"})
    await writer.accept("1", {"updated_at": "2026-11-25 11:00:00"})
    await writer.accept("2")
    missing.append(await writer.accept("3", value=b"no json"))
    only: dict[str, list[tuple[int, int]]] = {}
    for event in missing:
        only.setdefault(str(event.origin.partition), []).append(
            (event.origin.offset, event.origin.offset + 1)
        )
    wanted = ReplayFilter(only=only)
    plan = await plan_of(settings, reader, settings.topics.orders, wanted)
    assert (plan.matching, plan.orders, plan.events) == (2, 2, 3)
    spec = await new_replay(settings, reader, plan, rate=FAST, why="cut")
    await run_job(spec, plan)
    wanted_ids = sorted(event.event_id for event in (*missing, newest))
    assert sorted(copy.event_id for copy in await copies(settings, reader)) == wanted_ids
    resumed = await run_job(await find_job(settings, reader, spec.job_id))
    assert (resumed.copied, resumed.found) == (0, 3)


@pytest.mark.parametrize("hours_ago", [0, 3])
async def test_the_newest_of_an_order_is_taken_outside_the_times_of_what_is_missing(
    settings, writer, reader, hours_ago
):
    """The audit was of a window: the order has gone on since, or its newest save came first."""
    saves = {2: "2026-11-25 10:00:00", hours_ago: "2026-11-25 12:00:00"}
    events = {
        hours: await writer.accept(
            "1", {"updated_at": saves[hours]}, at_ms=now_ms() - hours * HOUR_MS
        )
        for hours in sorted(saves, reverse=True)
    }
    place = events[2].origin
    wanted = ReplayFilter(only={str(place.partition): [(place.offset, place.offset + 1)]})
    between = {"since_ms": now_ms() - 5 * HOUR_MS // 2, "until_ms": now_ms() - HOUR_MS}
    plan = await plan_of(settings, reader, settings.topics.orders, wanted, **between)
    assert (plan.matching, plan.events) == (1, 2)


async def test_a_plan_says_no_word_that_the_release_before_does_not_know(settings, writer, reader):
    """Its process may be the one that resumes the job, in the midst of an upgrade."""
    await writer.accept("1")
    plan = await plan_of(settings, reader, settings.topics.orders, ReplayFilter())
    spec = await new_replay(settings, reader, plan, rate=FAST, why="x")
    assert "only" not in spec.selection["filter"]
