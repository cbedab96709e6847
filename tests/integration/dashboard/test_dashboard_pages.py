"""The other pages on a real broker: the balance, lag, replay, trace, the live tail, health."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote

import orjson
import pytest
from aiohttp import web
from support.dashboard_site import dashboard_settings, open_site, words
from support.topic_writer import as_replay

from schemas.event import Kind, Via
from schemas.result import Outcome
from stream.audit.audit import run_audit
from stream.kafka.log.range_reader import RangeReader, record_envelope

pytestmark = pytest.mark.kafka


async def test_the_balance_is_the_audits_and_follows_what_happens(settings, writer, ann):
    events = await writer.accept_many(str(n) for n in range(1, 10))
    kinds = [Outcome.SYNCED] * 3 + [Outcome.UNCHANGED, Outcome.SUPERSEDED, Outcome.RETRY]
    for event, outcome in zip(events, kinds, strict=False):
        await writer.conclude(event, outcome)
    await writer.bury(events[6])
    await ann.until(lambda: ann.state.watch.balance.balance.dead == 1)
    report = await run_audit(settings)
    assert ann.state.watch.balance.balance == report.total
    page = await ann.text("/")
    assert "9 accepted = 3 synced + 1 unchanged + 1 superseded + 1 dead + 3 pending" in page, page
    assert "every event is accounted for, 3 on their way" in page

    await writer.conclude(events[7], Outcome.SYNCED)
    await writer.conclude(as_replay(events[6], "requeue-1", Via.REQUEUE), Outcome.SYNCED)
    await ann.until(lambda: ann.state.watch.balance.balance.synced == 5)
    assert ann.state.watch.balance.balance == (await run_audit(settings)).total
    assert ann.state.watch.balance.job_outcomes("requeue-1") == {"synced": 1}


async def test_a_dashboard_that_starts_later_knows_the_past(settings, writer, topics):
    events = await writer.accept_many(str(n) for n in range(1, 21))
    await asyncio.gather(*(writer.conclude(event, Outcome.SYNCED) for event in events))
    async with open_site(settings) as visit:
        ann = await visit().log_in()
        await ann.until(lambda: ann.state.watch.balance.refreshed_ms)
        assert "20 accepted = 20 synced" in await ann.text("/")
        flow = ann.state.watch.balance.flow
        now_ms = ann.state.watch.balance.refreshed_ms + 10_000
        for name in ("in", "out"):
            rates = flow.rates(name, until_ms=now_ms, buckets=30)
            assert round(sum(rate for _, rate in rates) * flow.bucket_seconds) == 20


async def test_what_is_not_configured_or_silent_is_said_and_not_shown_as_zero(
    make_settings, topics, ann, unused_tcp_port
):
    page = await ann.text("/")
    assert "not configured" in page
    assert "Concurrency" not in page.replace("Breaker, concurrency", "")
    url = f"http://127.0.0.1:{unused_tcp_port}/metrics"
    async with open_site(dashboard_settings(make_settings, dashboard_metrics_urls=url)) as visit:
        bob = await visit().log_in(name="Bob")
        await bob.until(lambda: bob.state.watch.scrapes)
        page = await bob.text("/")
    assert "no worker answers" in page
    assert f"{url}: cannot be reached" in page


async def test_workers_metrics_are_shown(make_settings, topics, serve_metrics):
    url = await serve_metrics(
        "orderstream_concurrency_limit 5\norderstream_calls_in_flight 3\n"
        "orderstream_breaker_state 2\norderstream_budget_used_calls 25000\n"
        'orderstream_budget_limit_calls 100000\norderstream_alert_active{alert="breaker_open"} 1\n'
    )
    async with open_site(dashboard_settings(make_settings, dashboard_metrics_urls=url)) as visit:
        ann = await visit().log_in()
        await ann.until(lambda: ann.state.watch.scrapes)
        page = await ann.text("/")
    for text in ("3 of 5 calls", "25% used", "25,000 of 100,000"):
        assert text in page
    assert page.count("Breaker open") == 2  # the alert on top, and the tile


@pytest.fixture
async def serve_metrics():
    """Serve a metrics page; returns its address."""
    runners = []

    async def serve(text: str) -> str:
        async def page(_request):
            return web.Response(text=text)

        app = web.Application()
        app.router.add_get("/metrics", page)
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/metrics"

    yield serve
    for runner in runners:
        await runner.cleanup()


async def test_lag_is_shown_per_partition_and_exported_under_its_usual_names(settings, writer, ann):
    event = await writer.accept("1")
    await ann.until(lambda: (s := ann.state.watch.snapshot) and s.groups[0].lag == 1)
    page = await ann.text("/lag")
    assert f"{settings.topics.orders}/{event.origin.partition} STOP 1" in page
    assert "Workers: STOP" in await ann.text("/")
    _, metrics = await ann.get("/metrics")
    lines = [line for line in metrics.splitlines() if line.startswith("kafka_consumergroup_lag{")]
    (line,) = [line for line in lines if line.endswith(" 1.0")]
    assert settings.worker_group in line
    assert f'topic="{settings.topics.orders}"' in line


async def test_replay_shows_what_it_would_do_then_does_it(settings, writer, ann):
    for version in ("1", "2"):
        await writer.accept("5", {"updated_at": f"2026-01-01 00:00:0{version}", "store_id": 3})
    await writer.accept("6", {"updated_at": "2026-01-01 00:00:01", "store_id": 4})
    fields = {"from": "1h", "store": "3", "rate": "1000", "topic": settings.topics.orders}
    status, where = await ann.fill("/replay", "/replay", fields)
    assert status == 303
    page = await ann.worked_out(where)
    assert "2 of 3 read fit, 1 order" in page
    status, job = await ann.fill(where, f"{where}/run", {"why": "new stage names"})
    running = ann.state.desk.find(job.rpartition("/")[2])
    await ann.until(lambda: not running.is_running)
    async with RangeReader(settings) as reader:
        found = []
        async for batch in reader.read(await reader.spans([settings.topics.due])):
            found += [record_envelope(record) for record in batch]
    assert [(e.key, e.via, e.job_id) for e in found] == [("5", Via.REPLAY, job.rpartition("/")[2])]


async def test_a_trace_tells_an_orders_life(writer, ann):
    event = await writer.accept("000000042")
    await writer.conclude(event, Outcome.SYNCED, salesforce_ids={"Opportunity": "006A"})
    page = await ann.text("/trace?target=000000042")
    assert "order 000000042 1 deliveries" in page
    assert "synced" in page
    assert "Opportunity 006A" in page
    assert "Nothing is known" in await ann.text("/trace?target=000000043")


async def test_an_e_mail_is_looked_for_and_in_no_address(writer, ann, rob):
    email = "jane@example.com"
    event = await writer.accept(email, {"email": email}, kind=Kind.CUSTOMER)
    await writer.conclude(event, Outcome.SYNCED)
    status, where = await ann.fill("/trace", "/trace", {"target": email})
    assert status == 303
    assert "jane" not in where
    page = await ann.text(where)
    assert "1 deliveries" in page
    assert "1 deliveries" in await rob.text(where)  # a link for colleagues
    status, page = await ann.get(f"/trace?target={quote(email)}")
    assert (status, "Search by the form" in page, "deliveries" in page) == (400, True, False)
    status, where = await ann.fill("/trace", "/trace", {"target": "000000042"})
    assert (status, where) == (303, "/trace?target=000000042")


async def test_letters_of_a_person_are_looked_for_and_in_no_address(writer, ann):
    email = "jane@example.com"
    event = await writer.accept(email, {"email": email}, kind=Kind.CUSTOMER)
    await writer.bury(event, code="A", fields=())
    await ann.until(lambda: len(ann.state.watch.shelf) == 1)
    status, where = await ann.fill("/letters", "/letters/find", {"order": email, "code": "A"})
    assert status == 303
    assert "jane" not in where
    _, html = await ann.get(where)
    assert "1 open" in words(html)
    assert not re.search(r'(?:href|src)="[^"]*jane', html)
    assert (await ann.get(f"/letters?order={email}"))[0] == 400
    status, where = await ann.fill("/letters", "/letters/find", {"order": "000000042"})
    assert where == "/letters?order=000000042&all=1"


async def test_the_tail_tells_outcomes_as_they_come(writer, ann, monkeypatch):
    monkeypatch.setattr("dashboard.pages.tail.HEARTBEAT_SECONDS", 0.2)
    event = await writer.accept("77")
    await ann.until(lambda: ann.state.watch.balance.refreshed_ms)
    async with ann.http.get(ann.url + "/tail/stream") as stream:
        # nginx before it would gather events until they fill its buffer: the tail would stand still.
        assert stream.headers["X-Accel-Buffering"] == "no"
        assert stream.content_type == "text/event-stream"
        await ann.until(lambda: ann.state.streams.total() == 1)
        await writer.conclude(event, Outcome.SYNCED)
        async with asyncio.timeout(20):
            line = b""
            while not line.startswith(b"data: "):
                line = await stream.content.readline()
    told = orjson.loads(line.removeprefix(b"data: "))
    assert (told["key"], told["outcome"]) == ("77", "synced")
    await ann.until(lambda: ann.state.streams.total() == 0)


async def test_ready_means_that_pages_show_the_present(ann):
    async def is_ready():
        return (await ann.get("/readyz"))[0] == 200

    await ann.until(is_ready)
    ann.state.watch.problems["lag"] = "Kafka does not answer"
    status, text = await ann.get("/readyz")
    assert (status, "Kafka does not answer" in text) == (503, True)
    assert "Kafka does not answer" in await ann.text("/")
