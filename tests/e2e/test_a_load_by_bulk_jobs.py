"""A store is loaded by Bulk jobs, as docs/decisions/0011-bulk.md says, by a real worker process."""

from __future__ import annotations

import json
import time

import pytest

from agents.salesforce.api.composite import Collection
from agents.salesforce.api.wiring import build_client
from sandbox.magento.numbered import DEFAULT_CUSTOMERS, numbered_order, order_number, version_of
from schemas.event import Kind
from schemas.salesforce import Row
from stream.backfill.event import backfill_record
from stream.config import load_settings
from stream.kafka.log.range_reader import RangeReader, record_envelope
from stream.ops.alerts import Alerts

pytestmark = [pytest.mark.proof, pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(400)]

ORDERS = 6_400  # more than 6,000: from there on three jobs cost fewer calls than Composite
BACKFILLED = 2  # the version that the load brings
WRITTEN_LIVE = range(1, 11)  # our own worker wrote a newer state of them before
WRITTEN_BY_HAND = range(11, 16)  # somebody else did: no worker remembers it
LIVE_BESIDE = range(16, 21)  # a newer event of them comes while the load waits
NEWER = {
    **dict.fromkeys(WRITTEN_LIVE, 5),
    **dict.fromkeys(WRITTEN_BY_HAND, 9),
    **dict.fromkeys(LIVE_BESIDE, 7),
}
REFUSED = 77
CODE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
LOAD = {
    "SALESFORCE_BULK_THRESHOLD_EVENTS": "3000",
    "WORKER_BATCH_MAX_EVENTS": "20000",
    "WORKER_LINGER_SECONDS": "8",  # time to fetch all of them, on a busy machine too
    "RETRY_DELAYS": "2s",  # a lone refused create is tried once more: no create beside it passed
}
EVERY_DAY = {"WORKER_BATCH_MAX_EVENTS": "1000", "WORKER_LINGER_SECONDS": "0.2"}


def backfilled(settings, n):
    document, now_ms = numbered_order(n, BACKFILLED), time.time_ns() // 1_000_000
    return backfill_record(document, Kind.ORDER, settings, job_id="backfill-1", at_ms=now_ms)


async def write_by_hand(rig, versions):
    """Write orders straight into Salesforce, as another integration would."""
    env = {name.lower(): value for name, value in rig.env.items()}
    client = build_client(load_settings(env_file=None, **env), alerts=Alerts())
    try:
        await client.guard(["Opportunity"])
        for n, version in versions.items():
            fields = {"Name": "by hand", "StageName": "Prospecting", "CloseDate": "2026-01-01"}
            fields |= {"Amount": version, "Magento_Updated_At__c": f"2026-01-01T00:00:0{version}Z"}
            row = Row("Opportunity", "Magento_Order_ID__c", order_number(n), fields)
            (answer,) = await client.composite(
                [Collection(row.sobject, row.external_id_field, "upsert", (row,))]
            )
            assert answer.results[0].success
    finally:
        client.close()


async def dead_letters(rig):
    """Return (key, code) of every dead letter."""
    async with RangeReader(rig.settings) as reader:
        spans = await reader.spans([rig.settings.topics.dead_letters])
        envelopes = [record_envelope(r) async for batch in reader.read(spans) for r in batch]
    return [(envelope.key, envelope.error.code) for envelope in envelopes]


def everything(org, sobject):
    found, total = [], 1
    while len(found) < total:
        page = org.records(sobject, offset=len(found), limit=1000)
        found, total = found + page["records"], page["total"]
    return found


def jobs_of(worker):
    """Return the rows of each Bulk job that a worker's log says it made, in order."""
    lines = [json.loads(line) for line in worker.output.splitlines() if "bulk_job_created" in line]
    return [(line["sobject"], line["rows"]) for line in lines]


def check_records(org):
    """Every order is there once, in its newest state, and belongs to its own customer."""
    accounts = {r["Id"]: r["Magento_Customer_Key__c"] for r in everything(org, "Account")}
    assert len(accounts) == len(set(accounts.values())) == DEFAULT_CUSTOMERS
    orders = everything(org, "Opportunity")
    versions = {n: NEWER.get(n, BACKFILLED) for n in range(1, ORDERS + 1) if n != REFUSED}
    assert len(orders) == len(versions)
    found = {int(r["Magento_Order_ID__c"]): version_of(r["Amount"]) for r in orders}
    assert found == versions
    for order in orders:
        n = int(order["Magento_Order_ID__c"])
        if n not in WRITTEN_BY_HAND:
            assert accounts[order["AccountId"]] == numbered_order(n, 1)["customer_email"]
    summary = org.summary()
    assert summary["duplicates"] == []
    assert summary["stale_writes"] == summary["created_again"] == 0


async def test_a_load_survives_kill_9_in_the_middle_of_a_job(make_rig):
    rig = await make_rig(**LOAD)
    before = await rig.worker("before", **EVERY_DAY)
    await rig.publish((n, NEWER[n]) for n in WRITTEN_LIVE)
    await rig.settled(len(WRITTEN_LIVE))
    assert await before.stop(timeout_seconds=15) == 0
    await write_by_hand(rig, {n: NEWER[n] for n in WRITTEN_BY_HAND})
    wanted = {"sobject": "Opportunity", "external_id_pattern": f"^{order_number(REFUSED)}$"}
    rig.org.fault("row_error", code=CODE, **wanted)

    await rig._publish_all([backfilled(rig.settings, n) for n in range(1, ORDERS + 1)])
    await rig.publish((n, NEWER[n]) for n in LIVE_BESIDE)
    rig.org.settings(bulk_per_row_ms=1.0)
    first = await rig.worker("w1")
    await rig.until(
        lambda: rig.org.summary()["records"]["Opportunity"] > ORDERS / 4, timeout_seconds=120
    )
    assert (await first.kill()) < 0
    assert rig.org.summary()["records"]["Opportunity"] < ORDERS / 2, "in the middle of a job"
    # The live events have calls of their own beside the job, and may have ended.
    synced = (await rig.audit()).total.synced
    assert synced <= len(WRITTEN_LIVE) + len(LIVE_BESIDE), "nothing of the load is acknowledged"

    rig.org.settings(bulk_per_row_ms=0.1)  # Salesforce goes on with the dead worker's job
    second = await rig.worker("w2")
    await rig.relay()
    everything = ORDERS + len(WRITTEN_LIVE) + len(LIVE_BESIDE)
    report = await rig.settled(everything, timeout_seconds=150)
    assert report.total.superseded == len(NEWER)
    assert report.total.dead == 1
    ended = len(NEWER) + len(LIVE_BESIDE)  # without a call, or by one of their own
    assert report.duplicates <= ended, "done, and not committed when it was killed"
    assert await dead_letters(rig) == [(order_number(REFUSED), CODE)]
    check_records(rig.org)

    # The look for customers by their id finds whom the org has: no job writes them again.
    others = DEFAULT_CUSTOMERS - len(WRITTEN_LIVE) - len(LIVE_BESIDE)
    orders = ORDERS - len(WRITTEN_LIVE) - len(LIVE_BESIDE)
    jobs = [("Account", others), ("Contact", others), ("Opportunity", orders)]
    assert jobs_of(first) == jobs
    # The live events that ended at the first are told as unchanged to the second, without a call.
    # All customers are there by then.
    assert jobs_of(second) == jobs[-1:]
    calls = rig.org.calls()["by_path"]
    assert calls["POST jobs/ingest"] == 4
    # The live events come in a batch or a few; the load would take a call per 200 orders.
    assert calls["POST composite"] < ORDERS / 200, "live events and questions, nothing of the load"
