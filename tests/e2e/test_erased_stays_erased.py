"""A person is erased, and neither redelivery nor a forced replay brings them back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time

import orjson
import pytest

from sandbox.processes import PROJECT_DIRECTORY, orderstream
from schemas.event import Envelope, Kind, new_event_id
from schemas.headers import headers_of
from stream.kafka.publisher import Record

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

EMAIL = "jane@example.com"


def order(number: int, email: str, second: int = 0) -> dict:
    return {
        "increment_id": f"{number:09d}",
        "state": "processing",
        "status": "processing",
        "grand_total": 10,
        "customer_email": email,
        "customer_firstname": "Jane",
        "customer_lastname": "Doe",
        "billing_address": {"street": ["1 Main St"], "city": "Lyon", "telephone": "123"},
        "items": [{"item_id": 1, "sku": "A", "name": "A", "qty_ordered": 1, "price": 10}],
        "created_at": "2026-03-14 18:00:00",
        "updated_at": f"2026-03-14 18:00:{second:02d}",
    }


def record(rig, entity: dict) -> Record:
    now_ms = time.time_ns() // 1_000_000
    envelope = Envelope(
        event_id=new_event_id(now_ms),
        event="sales_order_save_after",
        kind=Kind.ORDER,
        key=entity["increment_id"],
        received_at_ms=now_ms,
        value=orjson.dumps({"order": entity}),
    )
    topic = rig.settings.topics.orders
    return Record(topic, envelope.key.encode(), envelope.value, headers_of(envelope))


async def command(rig, *arguments: str) -> tuple[int, str, str]:
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {"PYTHONPATH": str(PROJECT_DIRECTORY), **rig.env}
    done = await asyncio.to_thread(
        subprocess.run,
        orderstream(*arguments),
        env=env,
        cwd=rig.processes.directory,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def names(rig) -> dict[str, str]:
    records = rig.org.records("Opportunity", limit=100)["records"]
    return {r["Magento_Order_ID__c"]: r["Name"] for r in records}


async def test_who_is_erased_stays_erased(make_rig):
    rig = await make_rig()
    await rig.worker()
    await rig._publish_all(
        [
            record(rig, order(1, EMAIL)),
            record(rig, order(2, EMAIL.upper())),
            record(rig, order(3, "bob@example.com")),
        ]
    )
    await rig.settled(3)
    code, out, err = await command(rig, "erase", "--email", EMAIL, "--dry-run", "--json")
    assert code == 0, err
    assert orjson.loads(out)["orders"] == ["000000001", "000000002"]
    assert "Jane" in str(names(rig))

    code, out, err = await command(rig, "erase", "--email", EMAIL, "--yes", "--json", "--why", "r1")
    assert code == 0, out + err
    report = orjson.loads(out)
    assert report["is_done"]
    assert report["anonymised"] == 4
    held = {item["topic"].rpartition(".")[2]: item for item in report["held_by_kafka"]}
    assert held["orders"]["records"] == 2
    assert held["orders"]["all_gone_ms"] > time.time() * 1000

    # redelivered, saved again, and replayed by force
    await rig._publish_all([record(rig, order(1, EMAIL)), record(rig, order(2, EMAIL, second=30))])
    await rig.settled(5)
    code, out, err = await command(
        rig, "replay", "--order", "000000001", "--from", "1d", "--force", "--run", "--why", "test"
    )
    assert code == 0, out + err
    await rig.publish([(9, 1)])
    report = await rig.settled(6)
    assert report.total.is_balanced
    found = names(rig)
    assert found["000000001"] == found["000000002"] == "Erased"
    assert "Jane" in found["000000003"]
    everything = str([rig.org.records(s, limit=100) for s in ("Account", "Contact", "Opportunity")])
    assert EMAIL not in everything
    assert everything.count("1 Main St") == 3  # Bob's Account, Contact and Opportunity


@pytest.mark.proof
async def test_without_workers_nothing_is_half_done(make_rig):
    rig = await make_rig()
    worker = await rig.worker()
    await rig._publish_all([record(rig, order(1, EMAIL))])
    await rig.settled(1)
    await worker.stop()
    code, _, err = await command(rig, "erase", "--email", EMAIL, "--yes", "--timeout", "2")
    assert code == 1
    assert "do workers run" in err
    assert "Jane" in str(names(rig))
