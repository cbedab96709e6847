"""A batch ends as if its events had come one after the other, also when one tells only a part."""

import asyncio
from itertools import count

import orjson

from agents.delivery.types import Written
from agents.handling.handler import Handler
from agents.mapping.mapping import Mapping
from schemas.event import Envelope, Kind, Origin
from stream.topics import Topics

NOW_MS = 1_800_000_000_000
WHOLE = {
    "increment_id": "100",
    "entity_id": 7,
    "state": "processing",
    "status": "processing",
    "grand_total": 99.5,
    "base_grand_total": 99.5,
    "customer_email": "jane@example.com",
    "customer_firstname": "Jane",
    "customer_lastname": "Doe",
    "created_at": "2026-03-14 18:00:00",
    "billing_address": {"city": "Lyon", "country_id": "FR", "lastname": "Doe"},
    "items": [{"sku": "BOWL", "name": "Bowl", "qty_ordered": 1, "price": 99.5}],
}
OFFSETS = count(1)


def event(second, order):
    offset = next(OFFSETS)
    body = {"event": "sales_order_save_after", "order": order}
    body["order"]["updated_at"] = f"2026-03-14 18:00:{second:02d}"
    return Envelope(
        event_id=f"e{offset}",
        event="sales_order_save_after",
        kind=Kind.ORDER,
        key="100",
        received_at_ms=NOW_MS,
        value=orjson.dumps(body),
        origin=Origin("magento.orders", 0, offset, NOW_MS),
    )


def written(*envelopes):
    """Return the fields that a batch writes of the order, and each event's outcome."""
    sent = []

    class Org:
        async def send(self, bundles):
            sent.extend(bundles)
            return [Written({"Opportunity": "006"}) for _ in bundles]

    async def mapping():
        return Mapping.load(None)

    handler = Handler(
        org_mapping=mapping,
        dispatcher=Org(),
        get_state=lambda _partition, _key: None,
        check_alive=lambda: None,
        topics=Topics(),
        clock_ms=lambda: NOW_MS,
    )
    decisions = asyncio.run(handler.handle(envelopes))
    (bundle,) = sent
    row = next(row for row in bundle.rows if row.sobject == "Opportunity")
    ends = {d.result.event_id: d.result.outcome.value for d in decisions}
    return {**row.insert_fields, **row.fields}, [ends[e.event_id] for e in envelopes]


def test_a_status_behind_a_whole_save_loses_nothing_of_it():
    news = {"increment_id": "100", "entity_id": 7, "status": "complete"}
    fields, ends = written(event(1, dict(WHOLE)), event(2, news))
    assert ends == ["superseded", "synced"]
    assert (fields["Amount"], fields["Billing_City__c"]) == (99.5, "Lyon")
    assert fields["StageName"] == "Closed Won"


def test_a_whole_save_behind_another_takes_nothing_from_it():
    later = {k: v for k, v in WHOLE.items() if k != "billing_address"} | {"grand_total": 10}
    later["base_grand_total"] = 10
    fields, ends = written(event(1, dict(WHOLE)), event(2, later))
    assert ends == ["superseded", "synced"]
    assert fields["Amount"] == 10
    assert "Lyon" not in fields.values()


def test_an_older_status_changes_nothing():
    news = {"increment_id": "100", "entity_id": 7, "status": "canceled"}
    fields, ends = written(event(2, dict(WHOLE)), event(1, news))
    assert ends == ["synced", "superseded"]
    assert fields["StageName"] != "Closed Lost"
