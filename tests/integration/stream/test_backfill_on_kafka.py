"""Backfill on a real broker: every document once, whatever kills it, and never over a newer event."""

from __future__ import annotations

import asyncio
from collections import Counter

import orjson
import pytest
from support.magento_rest import IMPATIENT, an_order, store_of, store_settings

from sandbox.magento.rest import RestStore
from sandbox.magento.rest_index import Rows
from sandbox.magento.rest_serve import generated_rows
from schemas.codec import decode
from schemas.event import Kind, Via
from stream.backfill.plan import new_backfill, plan_backfill
from stream.backfill.runner import BackfillRun
from stream.errors import MagentoError
from stream.jobs.operator_log import OperatorLog
from stream.jobs.spec import PROGRESS, find_job, list_jobs
from stream.kafka.log.range_reader import RangeReader, record_envelope
from stream.magento.client import open_magento
from stream.magento.paging import Window

pytestmark = pytest.mark.kafka

YEAR = Window("2026-01-01 00:00:00", "2026-12-31 00:00:00")
LATER_MS = 1_830_000_000_000  # long after the window: nothing in it can still change
FAST = 100_000.0
ORDERS = (Kind.ORDER,)


@pytest.fixture
async def reader(settings, topics):
    async with RangeReader(settings) as reader:
        yield reader


class Desk:
    """Runs backfills of a store on this test's topics."""

    def __init__(self, settings, store, reader, writer):
        read = store_settings(store)
        more = {name: getattr(read, name) for name in MAGENTO} | {"magento_page_size": 25}
        self.settings = settings.model_copy(update=more)
        self.reader, self.writer = reader, writer
        self.operator = OperatorLog(writer, settings.topics, who="ann@desk")

    async def plan(self, kinds=ORDERS, window=YEAR, now_ms=LATER_MS):
        async with open_magento(self.settings, patience=IMPATIENT) as magento:
            return await plan_backfill(self.settings, magento, kinds, window, now_ms=now_ms)

    async def spec(self, kinds=ORDERS, window=YEAR, *, rate=FAST, now_ms=LATER_MS):
        plan = await self.plan(kinds, window, now_ms)
        return await new_backfill(self.settings, self.reader, plan, rate=rate, why="go live")

    async def run(self, spec, **options):
        async with open_magento(self.settings, patience=IMPATIENT) as magento:
            run = BackfillRun(
                self.settings,
                spec,
                magento,
                self.reader,
                operator=self.operator,
                max_backlog=options.pop("max_backlog", 0),
                **options,
            )
            return await run.run()

    async def events(self, kind=Kind.ORDER):
        spans = await self.reader.spans([self.settings.topics.source_of(kind)])
        return [
            record_envelope(record) async for batch in self.reader.read(spans) for record in batch
        ]

    async def keys(self, kind=Kind.ORDER):
        return Counter(event.key for event in await self.events(kind))


MAGENTO = (
    "magento_base_url",
    "magento_insecure_url",
    "magento_consumer_key",
    "magento_consumer_secret",
    "magento_access_token",
    "magento_access_token_secret",
    "magento_calls_per_second",
)


@pytest.fixture
def desk_of(settings, reader, writer):
    return lambda store: Desk(settings, store, reader, writer)


def each_once(count):
    return {f"{n:09d}": 1 for n in range(1, count + 1)}


async def test_every_order_becomes_one_event_with_the_documents_own_bytes(desk_of):
    store = RestStore(orders=generated_rows(120))
    async with store.serve():
        desk = desk_of(store)
        spec = await desk.spec()
        report = await desk.run(spec)
    assert (report.copied, report.total, report.done) == (120, 120, 120)
    events = await desk.events()
    assert Counter(event.key for event in events) == each_once(120)
    assert {event.via for event in events} == {Via.BACKFILL}
    assert {event.job_id for event in events} == {spec.job_id}
    event = next(event for event in events if event.key == "000000007")
    assert orjson.loads(event.value) == store.orders.document(7)
    document = decode(event.value, event=event.event)
    assert (document.kind, document.key) == (Kind.ORDER, "000000007")


async def test_a_plan_counts_and_writes_nothing(desk_of):
    store = RestStore(orders=generated_rows(120))
    async with store.serve():
        desk = desk_of(store)
        plan = await desk.plan((Kind.ORDER, Kind.CUSTOMER))
    assert plan.counts == {Kind.CUSTOMER: 0, Kind.ORDER: 120}
    assert (plan.events, plan.magento_calls) == (120, 6)
    assert plan.seconds(rate=10, calls_per_second=100) == 12
    assert plan.seconds(rate=1000, calls_per_second=2) == 3
    assert not await desk.keys()


async def test_customers_come_before_orders(desk_of):
    people = Rows()
    for n in range(1, 8):
        people.save(
            {"id": n, "email": f"Buyer{n}@Example.com", "updated_at": "2026-03-14 18:00:00"}
        )
    store = RestStore(orders=generated_rows(3), customers=people)
    async with store.serve():
        desk = desk_of(store)
        report = await desk.run(await desk.spec((Kind.ORDER, Kind.CUSTOMER)))
    assert report.copied == 10
    customers = await desk.events(Kind.CUSTOMER)
    assert {event.key for event in customers} == {f"buyer{n}@example.com" for n in range(1, 8)}
    orders = await desk.events()
    assert max(e.event_id for e in customers) < min(e.event_id for e in orders)


async def test_a_window_and_a_store_are_kept(desk_of):
    orders = [
        an_order(n, f"2026-0{n}-01 00:00:00", store_id=1 if n < 5 else 2) for n in range(1, 8)
    ]
    async with store_of(*orders).serve() as store:
        desk = desk_of(store)
        window = Window("2026-02-01 00:00:00", "2026-06-01 00:00:00", "2")
        await desk.run(await desk.spec(window=window))
    assert await desk.keys() == {"000000005": 1, "000000006": 1}


@pytest.mark.parametrize("events_before", [1, 60, 130, 199])
async def test_killed_at_any_moment_and_resumed_every_order_is_there_once(desk_of, events_before):
    store = RestStore(orders=generated_rows(200))
    async with store.serve():
        desk = desk_of(store)
        spec = await desk.spec()

        class Killed(BaseException):
            """Ends the run as kill -9 does: nothing more is written."""

        published = desk.writer.publish_each

        async def until_killed(records):
            room = events_before - len(
                [a for a in desk.writer.published if a.topic.endswith(".orders")]
            )
            answers = await published(records[:room])
            if room < len(records):
                raise Killed
            return answers

        desk.writer.publish_each = until_killed
        with pytest.raises(Killed):
            await desk.run(spec)
        desk.writer.publish_each = published
        assert sum((await desk.keys()).values()) == events_before

        again = await find_job(desk.settings, desk.reader, spec.job_id)
        report = await desk.run(again)
    assert await desk.keys() == each_once(200)
    assert (report.found, report.copied) == (events_before, 200 - events_before)


async def test_a_recent_window_that_is_resumed_is_looked_at_twice_and_published_once(desk_of):
    orders = [an_order(n, f"2026-03-14 18:0{n // 20}:00") for n in range(1, 100)]
    store = store_of(*orders)
    now_ms = 1_773_511_500_000  # 2026-03-14 18:05:00
    window = Window("2026-03-14 00:00:00", "2026-03-14 18:05:00")
    async with store.serve():
        desk = desk_of(store)
        spec = await desk.spec(window=window, now_ms=now_ms)
        stop = asyncio.Event()
        first = await desk.run(
            spec, stop=stop, on_progress=lambda report: report.copied >= 40 and stop.set()
        )
        assert first.is_stopped
        await desk.run(spec)
    assert await desk.keys() == each_once(99)


async def test_orders_saved_while_the_backfill_reads_are_not_read_twice(desk_of):
    store = RestStore(orders=generated_rows(150))
    saved = iter(range(1, 151, 10))

    def shopper():
        n = next(saved, None)
        if n is not None:
            store.orders.save(an_order(n, "2027-01-01 00:00:00", version=2))

    async with store.serve():
        desk = desk_of(store)
        spec = await desk.spec()
        store.before_search = shopper
        await desk.run(spec)
    keys = await desk.keys()
    assert set(keys.values()) == {1}
    # What left the window before it was read belongs to the webhook of that save.
    missing = {n for n in range(1, 151) if f"{n:09d}" not in keys}
    assert missing <= set(range(1, 151, 10))


async def test_a_store_that_goes_away_ends_the_run_and_a_resume_ends_the_job(desk_of):
    store = RestStore(orders=generated_rows(100))
    searches = 0

    def storm():
        nonlocal searches
        searches += 1
        if searches == 2:
            store.fail_next(503, 6)

    async with store.serve():
        desk = desk_of(store)
        spec = await desk.spec()
        store.before_search = storm
        with pytest.raises(MagentoError, match="503"):
            await desk.run(spec)
        report = await desk.run(spec)
    assert report.done == 100
    assert await desk.keys() == each_once(100)


async def test_documents_without_a_key_are_counted_and_cost_nobody_else(desk_of):
    orders = [an_order(n, "2026-03-14 18:00:00") for n in range(1, 6)]
    orders[2]["increment_id"] = "x" * 300
    async with store_of(*orders).serve() as store:
        desk = desk_of(store)
        report = await desk.run(await desk.spec())
    assert (report.copied, report.skipped) == (4, 1)


async def test_the_rate_is_kept_and_the_job_is_on_record(desk_of):
    store = RestStore(orders=generated_rows(60))
    async with store.serve():
        desk = desk_of(store)
        spec = await desk.spec(rate=40.0)
        report = await desk.run(spec)
    assert report.seconds >= (60 - 8) / 40
    ((actions,), _) = await list_jobs(desk.settings, desk.reader)
    assert {action.action for action in actions} >= {"job-started", "job-done"}
    assert [a.detail["copied"] for a in actions if a.action in (PROGRESS, "job-done")][-1] == 60


async def test_it_waits_while_the_workers_are_behind(desk_of):
    store = RestStore(orders=generated_rows(60))
    async with store.serve():
        desk = desk_of(store)
        await desk.writer.accept_many(f"live{n}" for n in range(30))
        stop = asyncio.Event()
        reasons = []

        def on_progress(report):
            reasons.append(report.waiting)
            if report.waiting:
                stop.set()

        report = await desk.run(
            await desk.spec(), max_backlog=20, stop=stop, on_progress=on_progress
        )
    assert report.is_stopped
    assert report.copied == 0
    assert "workers are 30 events behind" in reasons
