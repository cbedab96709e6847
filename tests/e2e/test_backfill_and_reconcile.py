"""Backfill, reconcile and the gap detector as their users run them, beside live traffic."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from datetime import UTC, datetime

import pytest

from agents.salesforce.api.composite import Collection
from agents.salesforce.api.wiring import build_client
from sandbox.magento.numbered import STARTS_AT, numbered_order, version_of
from sandbox.magento.orders import stamp
from sandbox.magento.rest import RestStore
from sandbox.magento.rest_serve import generated_rows
from sandbox.magento.shapes import Shape, webhook_body
from sandbox.magento.store import ORDER_SAVED
from sandbox.processes import orderstream
from schemas.event import Kind
from schemas.operator import READ_FROM_HEADER
from schemas.salesforce import Row
from stream.config import load_settings
from stream.kafka.log.range_reader import RangeReader
from stream.ops.alerts import Alerts
from stream.ops.masking import mask_text

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

ORDERS = 1500
LIVE = 60
DAY = ("--from", STARTS_AT.strftime("%Y-%m-%d"), "--to", "2026-01-02")


class Shop:
    """A store with REST beside the rig: saves orders, and says so by webhook or does not."""

    def __init__(self, rig, store):
        self.rig, self.store = rig, store
        self.env = {**rig.env, **store.env, "MAGENTO_CALLS_PER_SECOND": "200"}
        self.commands = 0

    def spawn(self, *arguments, **env):
        self.commands += 1
        name = f"{arguments[0]}-{self.commands}"
        return self.rig.processes.spawn(name, *orderstream(*arguments), env=self.env | env)

    async def run(self, *arguments):
        """Run a command to its end; return its exit code and what it printed."""
        process = self.spawn(*arguments)
        process.is_stopping = True
        code = await process.wait(timeout_seconds=60)
        return code, process.output

    async def reconcile(self, *arguments):
        code, output = await self.run("reconcile", *arguments, "--json")
        assert code in (0, 1), output
        return code, json.loads(output[output.index("{\n") :])

    async def save(self, orders, *, is_told=True):
        """Save orders; their webhooks reach the pipe unless they are swallowed."""
        records = []
        for order in orders:
            self.store.orders.save(order)
            body = webhook_body(order, Kind.ORDER, ORDER_SAVED, Shape.BLUEPRINT)
            records.append(self.rig._record(body, order["increment_id"]))
        if is_told:
            await self.rig._publish_all(records)


@pytest.mark.proof
async def test_killed_at_40_percent_beside_live_traffic_and_resumed_both_sides_agree(make_rig):
    store = RestStore(orders=generated_rows(ORDERS))
    async with store.serve():
        rig = await make_rig()
        await rig.worker()
        shop = Shop(rig, store)
        code, said = await shop.run("backfill", *DAY, "--rate", "500")
        assert code == 0, said
        assert f"{ORDERS:,} orders" in said
        assert "dry run" in said
        assert (await rig.audit()).total.accepted == 0

        first = shop.spawn("backfill", *DAY, "--rate", "100", "--run", "--why", "go live")
        first.is_stopping = True
        live = asyncio.create_task(live_traffic(shop))

        async def is_at_40_percent():
            return (await rig.audit()).total.accepted > ORDERS * 0.4

        await rig.until(is_at_40_percent)
        first.send_signal(signal.SIGKILL)
        await first.wait(timeout_seconds=10)
        job = re.search(r"job (backfill-\S+):", first.output)[1]
        code, listed = await shop.run("jobs", "--json")
        assert [(j["job_id"], j["state"]) for j in json.loads(listed)] == [
            (job, "running or killed")
        ]
        code, said = await shop.run("backfill", "--resume", job)
        assert code == 0, said
        assert "had been copied by an earlier run" in said
        await live

        # No document was published twice, whatever the kill left on the wire.
        made_of = await read_from(rig)
        assert len(made_of) == len(set(made_of)) >= ORDERS - LIVE
        report = await rig.settled(len(made_of) + LIVE)
        assert (report.total.accepted, report.total.dead) == (len(made_of) + LIVE, 0)
        code, found = await shop.reconcile("--from", DAY[1], "--to", "2026-01-03")
        assert (code, found["checked"], found["is_equal"]) == (0, ORDERS, True), found
        records = rig.org.records("Opportunity", limit=5000)["records"]
        newest = {r["Magento_Order_ID__c"]: version_of(r["Amount"]) for r in records}
        assert {newest[f"{n:09d}"] for n in range(10, 10 + LIVE)} == {2}


async def live_traffic(shop):
    """Order 10 … are saved a second time while the backfill reads their first state."""
    for n in range(10, 10 + LIVE):
        order = numbered_order(n, 2) | {"updated_at": "2026-01-02 12:00:00"}
        await shop.save([order])
        await asyncio.sleep(0.05)


async def read_from(rig):
    """Return which documents the backfill's events were made of."""
    async with RangeReader(rig.settings) as reader:
        spans = await reader.spans([rig.settings.topics.orders])
        records = [record async for batch in reader.read(spans) for record in batch]
    headers = [dict(record.headers) for record in records]
    return [found[READ_FROM_HEADER] for found in headers if READ_FROM_HEADER in found]


@pytest.mark.proof
async def test_two_hundred_swallowed_webhooks_are_named_exactly_and_healed(make_rig):
    store = RestStore()
    async with store.serve():
        rig = await make_rig()
        await rig.worker()
        shop = Shop(rig, store)
        now = stamp(datetime.now(UTC))
        orders = [numbered_order(n, 1) | {"updated_at": now} for n in range(1, 601)]
        swallowed = {order["increment_id"] for order in orders[::3]}
        await shop.save([o for o in orders if o["increment_id"] in swallowed], is_told=False)
        await shop.save([o for o in orders if o["increment_id"] not in swallowed])
        await rig.settled(400)
        # Magento also touches an order when its e-mail goes out, and sends nothing: no gap.
        later = stamp(datetime.fromtimestamp(time.time() + 1, UTC))
        store.orders.save(orders[1] | {"updated_at": later, "email_sent": 1})
        await asyncio.sleep(max(0.0, 2.0 - time.time() % 1))

        last = ("--last", "15m", "--grace", "0s")
        code, found = await shop.reconcile(*last)
        assert (code, found["missing"]) == (1, 200)
        assert {gap["key"] for gap in found["gaps"]} == swallowed
        code, found = await shop.reconcile("--from", "1h", "--to", "now")
        assert (code, found["found"]["missing"], found["found"]["equal"]) == (1, 200, 400)

        code, found = await shop.reconcile(*last, "--fix", "--why", "swallowed")
        assert found["published"] == 200
        report = await rig.settled(600)
        assert report.total.is_balanced
        assert (report.total.accepted, report.total.dead) == (600, 0)
        assert (await shop.reconcile(*last))[0] == 0
        code, found = await shop.reconcile("--from", "1h", "--to", "now")
        assert code == 0, found


async def test_what_people_changed_or_deleted_is_found_and_repaired(make_rig):
    store = RestStore()
    async with store.serve():
        rig = await make_rig()
        await rig.worker()
        shop = Shop(rig, store)
        orders = [numbered_order(n, 3) for n in range(1, 21)]
        await shop.save(orders)
        await rig.settled(20)
        assert (await shop.reconcile(*DAY))[0] == 0

        await change_amount(rig, orders[4]["increment_id"])
        code, found = await shop.reconcile(*DAY)
        (order,) = found["orders"]
        assert (code, order["finding"], order["key"]) == (1, "different", "000000005")
        (difference,) = order["differences"]
        assert (difference["field"], difference["magento"]) == ("Amount", 3)
        assert difference["salesforce"] == 77

        store.orders.remove(20)  # the store forgot it: Salesforce has one too many
        code, found = await shop.reconcile(*DAY, "--fix")
        kinds = sorted((o["finding"], o["key"]) for o in found["orders"])
        assert ("different", "000000005") in kinds
        assert ("extra", "000000020") in kinds
        assert found["published"] == 1
        await rig.settled(21)
        code, found = await shop.reconcile(*DAY)
        assert {o["finding"] for o in found["orders"]} == {"extra"}
        assert "example.com" not in mask_text(json.dumps(found)).replace("***", "")


def store_of(orders):
    store = RestStore()
    for order in orders:
        store.orders.save(order)
    return store


async def test_a_worker_completes_notifications_by_rest(make_rig):
    orders = [numbered_order(n, 3) for n in range(1, 41)]
    store = store_of(orders)
    async with store.serve():
        rig = await make_rig(**store.env, MAGENTO_ENRICH="on", MAGENTO_CALLS_PER_SECOND="200")
        await rig.worker()
        for order in orders:
            notice = {name: order[name] for name in ("entity_id", "increment_id", "updated_at")}
            body = json.dumps({"order": notice | {"quote_id": 1}}).encode()
            await rig.publish_raw(body, order["increment_id"])
        report = await rig.settled(40)
        assert (report.total.dead, report.total.synced) == (0, 40)
        records = rig.org.records("Opportunity", limit=100)["records"]
        assert {version_of(record["Amount"]) for record in records} == {3}
        assert {r["Magento_Order_ID__c"] for r in records} == {o["increment_id"] for o in orders}


@pytest.mark.proof
async def test_announcements_by_entity_id_are_written_by_the_worker_that_has_the_order(make_rig):
    orders = [numbered_order(n, 3) for n in range(1, 41)]
    store = store_of(orders)
    async with store.serve():
        rig = await make_rig(**store.env, MAGENTO_ENRICH="on", MAGENTO_CALLS_PER_SECOND="200")
        await rig.publish((n, 2) for n in range(1, 41))
        first = await rig.worker("w1")
        await rig.settled(40)
        for order in orders:
            notice = {name: order[name] for name in ("entity_id", "updated_at")}
            body = json.dumps({"order": notice | {"quote_id": 1}}).encode()
            await rig.publish_raw(body, f"id:{order['entity_id']}")

        async def some_have_moved():
            return len(await events_of(rig)) > 80

        await rig.until(some_have_moved)
        assert (await first.kill()) < 0
        async with asyncio.TaskGroup() as group:
            group.create_task(rig.worker("w2"))
            group.create_task(rig.worker("w3"))
        await rig.settled(120)

        events = await events_of(rig)
        whole = {}  # partitions of the events that carry an order, by its number
        for key, partition in events:
            if len(key) == len(orders[0]["increment_id"]):
                whole.setdefault(key, []).append(partition)
        assert set(whole) == {order["increment_id"] for order in orders}
        assert all(len(where) >= 2 and len(set(where)) == 1 for where in whole.values())
        report = await rig.settled(len(events))
        assert report.total.superseded >= 40
        assert report.total.dead == 0
        assert {version_of(amount) for amount in rig.versions().values()} == {3}
        assert set(rig.versions()) == set(whole)
        summary = rig.org.summary()
        assert (summary["duplicates"], summary["stale_writes"]) == ([], 0)


async def events_of(rig):
    """Return (key, partition) of every accepted event."""
    async with RangeReader(rig.settings) as reader:
        spans = await reader.spans([rig.settings.topics.orders])
        records = [record async for batch in reader.read(spans) for record in batch]
    return [(record.key.decode(), record.partition) for record in records]


async def change_amount(rig, key):
    """Somebody edits the amount in Salesforce by hand."""
    env = {name.lower(): value for name, value in rig.env.items()}
    client = build_client(load_settings(env_file=None, **env), alerts=Alerts())
    try:
        row = Row("Opportunity", "Magento_Order_ID__c", key, {"Amount": 77})
        (answer,) = await client.composite(
            [Collection(row.sobject, row.external_id_field, "upsert", (row,))]
        )
        assert answer.results[0].success
    finally:
        client.close()
