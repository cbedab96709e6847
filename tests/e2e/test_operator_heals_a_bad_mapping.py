"""The story the dashboard is for, in a real browser, on the whole pipe.

A mapping that takes the close date from a field this store does not have sends 400 orders to the dead letters. The operator sees it on the
first screen, finds the group, reads the fix, corrects the mapping, looks at a dry run, requeues,
watches it reach zero, and the audit balances.
"""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from support.chromium import log_in, open_browser, open_page

from agents.mapping.mapping import default_text
from sandbox.magento.numbered import numbered_webhook
from sandbox.magento.sender import Sender
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline, worker_name
from sandbox.ports import free_port
from sandbox.processes import Processes, answers, orderstream
from stream.audit.audit import run_audit
from stream.jobs.operator_log import read_actions
from stream.kafka.log.range_reader import RangeReader

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

ORDERS = 400
PASSWORD = "operators-only-9f3c1be27a60"
RIGHT = """from: created_at
          transforms: [date(+1 month)]
          or_else: [updated_at, $received_at]"""
WRONG = """from: delivery_promise
          transforms: [date(+1 month)]"""
RATE = "200"


@pytest.fixture
async def pipeline(make_settings, topic_prefix, bootstrap_servers, tmp_path):
    """The whole pipe, with one worker, on a mapping file that can be edited."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(default_text().replace(RIGHT, WRONG))
    env = {
        "KAFKA_TOPIC_PREFIX": topic_prefix,
        "KAFKA_PARTITIONS": "4",
        "RETRY_DELAYS": "1s,2s",
        "MAPPING_FILE": str(mapping),
    }
    async with Processes(tmp_path / "run") as processes:
        pipeline = await Pipeline.start(processes, bootstrap_servers=bootstrap_servers, env=env)
        yield pipeline


@pytest.fixture
async def dashboard(pipeline):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        "DASHBOARD_PORT": str(port),
        "DASHBOARD_OPERATOR_PASSWORD": PASSWORD,
        "DASHBOARD_METRICS_URLS": ",".join(f"{u}/metrics" for u in pipeline.status_urls.values()),
    }
    await pipeline.processes.start(
        "dashboard",
        *orderstream("dashboard"),
        env=pipeline.env | env,
        ready=answers(f"{url}/readyz"),
    )
    return url


async def send_orders(pipeline) -> None:
    async with Sender(pipeline.webhook_url, pipeline.secret) as sender:
        receipts = await sender.send_all([numbered_webhook(n, 1) for n in range(ORDERS)])
    assert all(receipt.is_accepted for receipt in receipts)


async def balance_of(page) -> dict[str, int]:
    """What the first screen says, by name."""
    terms = await page.locator(".balance .term").all_inner_texts()
    numbers = [re.match(r"([\d,]+)\s+(\w+)", term) for term in terms]
    return {m[2]: int(m[1].replace(",", "")) for m in numbers if m}


async def until(what, *, timeout_seconds: float = 40):
    deadline = time.monotonic() + timeout_seconds
    while not (found := await what()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.2)
    return found


@pytest.mark.timeout(300)
async def test_operator_heals_a_bad_mapping(pipeline, dashboard, make_settings, tmp_path):
    await send_orders(pipeline)
    async with open_browser() as browser, open_page(browser) as page:
        await log_in(page, dashboard, "Ann", PASSWORD)

        # She sees it on the first screen, without loading it again.
        await until(lambda: says_dead(page))
        assert await balance_of(page) == {
            "accepted": ORDERS,
            "synced": 0,
            "unchanged": 0,
            "superseded": 0,
            "dead": ORDERS,
            "pending": 0,
        }

        # She finds the group and reads the fix.
        await page.click("nav >> text=Dead letters")
        group = page.locator("article.group")
        await until(lambda: reloaded_count(page, group))
        head = await group.inner_text()
        assert "CloseDate" in head
        assert f"{ORDERS}" in head
        assert "mapping.yaml" in head
        before = await group.locator("a >> text=Show letters").get_attribute("href")

        # A dry run before the fix foretells that nothing would be better.
        await group.locator("text=Dry run a requeue").click()
        await page.wait_for_selector("text=/20 does not map/")

        # She corrects the mapping; the worker starts with it.
        mapping = tmp_path / "mapping.yaml"
        mapping.write_text(mapping.read_text().replace(WRONG, RIGHT))
        await pipeline.processes[worker_name(1)].stop()
        await pipeline.restart(worker_name(1))

        # Dry run: now it maps, and nothing is published yet.
        await page.goto(f"{dashboard}{before}")
        await page.fill("[name=rate]", RATE)
        await page.click("text=Dry run a requeue")
        await page.wait_for_selector("text=/maps with a mapping that has changed/")
        assert "orderstream dlq requeue" in await text_of(page)

        # She says why, and watches it run to the end.
        await page.fill("[name=why]", "close date corrected")
        await page.click(f"text=Requeue {ORDERS} events")
        await page.wait_for_selector("text=/done in/", timeout=60_000)
        await page.wait_for_selector(f".term-synced:has-text('{ORDERS}')", timeout=60_000)

        await page.click("nav >> text=Overview")
        await until(lambda: healed(page))
        assert page.complaints == []

    report = await run_audit(make_settings(), grace_seconds=0)
    assert report.is_ok
    assert (report.total.accepted, report.total.synced, report.total.dead) == (ORDERS, ORDERS, 0)
    async with OrgRemote(pipeline.salesforce_url) as org:
        assert len(await org.records("Opportunity")) == ORDERS
    await who_and_why_are_on_record(make_settings())


async def says_dead(page) -> bool:
    return (await balance_of(page)).get("dead") == ORDERS


async def reloaded_count(page, group) -> bool:
    await page.reload()
    return await group.count() == 1 and f"{ORDERS}" in await group.inner_text()


async def healed(page) -> bool:
    balance = await balance_of(page)
    letters = await page.locator("a.tile:has-text('Dead letters') .big").inner_text()
    return balance.get("synced") == ORDERS and balance["dead"] == 0 and letters == "0"


async def text_of(page) -> str:
    return await page.locator("main").inner_text()


async def who_and_why_are_on_record(settings) -> None:
    async with RangeReader(settings) as reader:
        actions = await read_actions(reader, settings.topics)
    assert [(action.action, action.who, action.why) for action in actions] == [
        ("job-started", "Ann (dashboard)", "close date corrected"),
        ("job-done", "Ann (dashboard)", "close date corrected"),
    ]
    assert actions[-1].detail["copied"] == ORDERS
