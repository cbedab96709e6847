"""The pages *Mapping* and *Health*, the release of a held cause, and the page of a first run."""

from __future__ import annotations

import re
import time

import aiohttp
import pytest
from support.dashboard_site import open_site, words

from agents.doctor.setup_steps import SETUP_STEPS
from agents.mapping.mapping import default_text
from sandbox.ports import free_port
from sandbox.processes import Processes, answers, orderstream
from schemas.result import Outcome
from stream.jobs.operator_log import RELEASED, read_actions
from stream.kafka.log.range_reader import RangeReader

pytestmark = pytest.mark.kafka
NOW = "LeadSource: {value: Magento E-commerce}"
DRAFT = default_text().replace(NOW, "LeadSource: {value: Web}")


def _ago(seconds: int) -> int:
    return int((time.time() - seconds) * 1000)


async def test_a_draft_is_tried_on_the_newest_events_and_on_one_order(writer, ann):
    assert default_text() != DRAFT
    for number in range(1, 13):
        await writer.accept(f"{number}", {"store_id": 1, "customer_email": f"p{number}@ex.org"})
    fields = {"draft": DRAFT, "target": "", "newest": "5"}
    status, html = await ann.fill("/mapping", "/mapping/try", fields)
    assert status == 200, html
    text = words(html)
    assert "over 5 events: 0 events as now" in text
    assert "Opportunity.LeadSource 5" in text
    assert "Web" in text
    assert "p12@ex.org" not in text
    assert "@ex.org" not in text.replace("p***@ex.org", "")

    fields |= {"target": "7"}
    status, html = await ann.fill("/mapping", "/mapping/try", fields)
    assert status == 200, html
    assert "Opportunity.LeadSource 1 7" in words(html)
    await ann.get("/mapping")
    assert ann.state.settings.mapping_file is None


async def test_a_draft_that_is_none_is_refused_in_the_files_own_words(ann):
    for draft, said in (("order: [", "draft line"), ("orders: {}", "orders")):
        fields = {"draft": draft, "target": "", "newest": "5"}
        status, html = await ann.fill("/mapping", "/mapping/try", fields)
        assert status == 400
        assert said in words(html)


@pytest.mark.parametrize(
    ("place", "hook"),
    [
        ("    - sobject: Account\n", '      python: "os:getcwd"\n'),
        ("        Phone: billing.telephone\n", '        Fax: {from: email, python: "os:getcwd"}\n'),
    ],
)
async def test_a_draft_runs_no_python(ann, place, hook):
    assert place in DRAFT
    fields = {"draft": DRAFT.replace(place, place + hook, 1), "target": "", "newest": "5"}
    status, html = await ann.fill("/mapping", "/mapping/try", fields)
    assert status == 400
    assert "a draft runs none" in words(html)


async def test_health_shows_doctors_checks_and_asks_at_most_once_a_minute(ann):
    await ann.get("/health")
    health = ann.state.health
    await ann.until(lambda: health.at_ms)
    page = await ann.text("/health")
    assert "kafka-reachable ok" in page
    first = health.at_ms
    await ann.get("/part/health")
    assert not health.is_looking
    assert health.at_ms == first
    assert "kafka-topics" in page


async def test_what_the_org_says_of_the_mapping_comes_by_itself(ann):
    page = await ann.text("/mapping")
    assert "The org says being asked" in page
    assert "no login for the org" not in page
    await ann.until(lambda: ann.state.health.at_ms)
    _, html = await ann.get("/part/mapping")
    assert "data-refresh-done" in html
    assert "The org says as of" in words(html)


async def test_a_held_cause_is_released_with_a_reason_on_record(settings, writer, ann, rob):
    await writer.bury(await writer.accept("1"), code="STRING_TOO_LONG")
    await ann.letters(1)
    _, html = await rob.get("/letters")
    assert "/letters/release" not in html
    code = {"code": "STRING_TOO_LONG"}
    status, html = await ann.fill("/letters", "/letters/release", code | {"why": "test orders"})
    assert status == 200, html
    assert "orderstream dlq release STRING_TOO_LONG '--why=test orders'" in words(html)
    async with RangeReader(settings) as reader:
        (action,) = await read_actions(reader, settings.topics)
    assert (action.action, action.detail, action.why) == (RELEASED, code, "test orders")
    assert action.who.startswith("Ann")


async def test_dropping_everything_is_refused_before_anybody_is_asked_for_a_reason(ann):
    status, html = await ann.get("/letters/drop")
    assert status == 400
    assert "Choose letters" in html


async def test_a_dashboard_that_starts_later_draws_the_lag_of_before(settings, writer, topics):
    event = await writer.accept("1", at_ms=_ago(900))
    await writer.conclude(event, Outcome.SYNCED, at_ms=_ago(300))
    async with open_site(settings) as visit:
        ann = await visit().log_in()
        await ann.until(lambda: ann.state.watch.snapshot and ann.state.watch.balance.refreshed_ms)
        _, html = await ann.get("/")
        assert re.search(r"UTC: lag (10m|9m 59s)", html)


async def test_where_nothing_is_configured_the_dashboard_shows_the_steps(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    async with Processes(tmp_path) as processes, aiohttp.ClientSession() as http:
        command = orderstream("dashboard", "--port", str(port))
        await processes.start("dashboard", *command, ready=answers(url))
        async with http.get(url) as answer:
            text = words(await answer.text())
        for step in SETUP_STEPS:
            assert step.title in text
        assert "orderstream setup" in text
        assert "SALESFORCE_CLIENT_ID: missing" in text
        # What setup makes is not there either, though no secret is weak or used twice.
        for name in ("OPERATOR_SIGNING_KEY", "DASHBOARD_OPERATOR_PASSWORD"):
            assert re.search(rf"Secrets of this installation to do .*{name}: missing", text)
        assert re.search(r"What sends to do .*MAGENTO_WEBHOOK_SECRET: missing", text)
        async with http.get(url, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        (tmp_path / ".env").write_text("SALESFORCE_CLIENT_ID=x\n")
        async with http.get(f"{url}part/setup") as answer:
            assert "SALESFORCE_CLIENT_ID" not in await answer.text()
