"""Account and Contact are written by customer events and by orders: the customer's own word stays.

Orders and customers have other keys and other partitions, so two workers may write one customer.
"""

import time

import orjson
import pytest

from schemas.event import Envelope, Kind, new_event_id
from schemas.headers import headers_of
from stream.kafka.publisher import Record
from tests.support.proof import one_told

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

EMAIL = "jane@example.com"


def customer(last_name, second):
    return {
        "event": "customer_save_after",
        "customer": {
            "id": 7,
            "email": EMAIL.upper(),
            "firstname": "Jane",
            "lastname": last_name,
            "group_id": 1,
            "updated_at": f"2026-03-14 18:00:{second:02d}",
            "created_at": "2026-03-14 10:00:00",
        },
    }


def order(number, last_name, second):
    return {
        "event": "sales_order_save_after",
        "order": {
            "entity_id": number,
            "increment_id": f"{number:09d}",
            "state": "processing",
            "status": "processing",
            "grand_total": 10,
            "customer_email": EMAIL,
            "customer_firstname": "J.",
            "customer_lastname": last_name,
            "items": [{"item_id": 1, "sku": "A", "name": "A", "qty_ordered": 1, "price": 10}],
            "billing_address": {"firstname": "J.", "lastname": last_name, "city": "Lyon"},
            "created_at": "2026-03-14 18:00:00",
            "updated_at": f"2026-03-14 18:00:{second:02d}",
        },
    }


def as_record(rig, body):
    kind = Kind.CUSTOMER if "customer" in body else Kind.ORDER
    key = EMAIL if kind is Kind.CUSTOMER else body["order"]["increment_id"]
    now_ms = time.time_ns() // 1_000_000
    envelope = Envelope(
        event_id=new_event_id(now_ms),
        event=body["event"],
        kind=kind,
        key=key,
        received_at_ms=now_ms,
        value=orjson.dumps(body),
    )
    topic = rig.settings.topics.source_of(kind)
    return Record(topic, key.encode(), envelope.value, headers_of(envelope))


STORIES = {
    "the order comes first": [
        order(1, "Guest Name", 30),
        customer("Doe", 10),
        customer("Miller", 20),
    ],
    "the customer comes first": [
        customer("Doe", 10),
        customer("Miller", 20),
        order(1, "Guest Name", 30),
    ],
    "an old customer save comes last": [
        order(1, "Guest Name", 30),
        customer("Miller", 20),
        customer("Doe", 10),
        order(2, "Other Name", 50),
    ],
}


@pytest.mark.parametrize("story", one_told(STORIES, told="an old customer save comes last"))
async def test_the_newest_customer_events_details_stay_in_whichever_order_they_arrive(
    story, make_rig
):
    rig = await make_rig()
    await rig.worker("w1")
    await rig.worker("w2")
    bodies = STORIES[story]
    for position, body in enumerate(bodies, start=1):
        await rig._publish_all([as_record(rig, body)])
        await rig.settled(position)

    (contact,) = rig.org.records("Contact")["records"]
    assert contact["LastName"] == "Miller"
    assert contact["Magento_Customer_Key__c"] == EMAIL
    assert rig.org.summary()["duplicates"] == []
    accounts = rig.org.records("Account")["records"]
    assert len(accounts) == 1
    orders = rig.org.records("Opportunity")["records"]
    assert {record["AccountId"] for record in orders} == {accounts[0]["Id"]}


@pytest.mark.proof
async def test_both_sides_at_once_make_one_customer(make_rig):
    rig = await make_rig()
    await rig.worker("w1")
    await rig.worker("w2")
    bodies = [order(n, "Guest Name", n) for n in range(1, 20)] + [customer("Miller", 59)]
    await rig._publish_all([as_record(rig, body) for body in bodies])
    report = await rig.settled(len(bodies))
    assert report.total.dead == 0
    (contact,) = rig.org.records("Contact")["records"]
    assert contact["LastName"] == "Miller"
    assert rig.org.summary()["records"]["Account"] == 1
