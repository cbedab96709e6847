"""Documents as real stores send them, through ingress, Kafka and worker, into the org.

Each story is one case of a kind that lost or mixed up records. What the org must hold was worked
out by hand beside it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import aiohttp
import orjson
import pytest

from agents.doctor.kafka_facts import gather_kafka
from sandbox.ports import free_port
from sandbox.processes import answers, orderstream
from tests.e2e.test_erased_stays_erased import command
from tests.support.real_documents import (
    ADDRESS,
    a_customer,
    a_raw_customer,
    a_row,
    an_order,
    cloud_event,
    order_bodies,
    without,
)
from tests.support.worker_rig import WorkerRig

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

SECRET = "9f2c1d7e5b8a4f60a3d1c2b4e5f60718"
SAVED = "sales_order_save_commit_after"
MAIL = "petra.lund@example.com"


class Front:
    """The ingress in front of a rig. It counts what it was answered 200 for."""

    def __init__(self, rig: WorkerRig) -> None:
        self.rig = rig
        self.accepted = 0

    async def start(self, **env: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        own = {"INGRESS_PORT": str(port), "MAGENTO_WEBHOOK_SECRET": SECRET}
        await self.rig.processes.start(
            "ingress",
            *orderstream("ingress"),
            env=self.rig.env | own | env,
            ready=answers(f"{self.url}/readyz"),
        )

    async def send(self, body: Any, event: str = "") -> tuple[int, str]:
        """Post a signed body; return the status and the answer's text."""
        raw = orjson.dumps(body)
        signature = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Magento-Signature": f"sha256={signature}", "Content-Type": "application/json"}
        url = f"{self.url}/magento/webhook/{event}".rstrip("/")
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=raw, headers=headers) as answer,
        ):
            text = await answer.text()
            self.accepted += answer.status == 200 and "event_id" in text
            return answer.status, text

    async def settled(self) -> Any:
        return await self.rig.settled(self.accepted)

    def records(self, sobject: str) -> dict[str, dict[str, Any]]:
        """Return the org's records by their Magento keys."""
        key = "Magento_Order_ID__c" if sobject == "Opportunity" else "Magento_Customer_Key__c"
        return {record[key]: record for record in self.rig.org.records(sobject)["records"]}


@pytest.fixture
async def front(make_rig):
    front = Front(await make_rig())
    await front.start()
    await front.rig.worker("w1")
    return front


async def test_every_wrapping_of_an_order_becomes_that_order(front: Front) -> None:
    expected = {}
    for place, name in enumerate(order_bodies(an_order()), start=1):
        number = f"{place:09d}"
        order = an_order(number, entity_id=str(place), grand_total=str(place), customer={"id": "9"})
        body, event = order_bodies(order)[name]
        status, text = await front.send(body, event)
        assert status == 200, f"{name}: {text}"
        assert "event_id" in text, f"{name}: {text}"
        expected[number] = float(place)
    await front.settled()
    found = front.records("Opportunity")
    assert {number: record["Amount"] for number, record in found.items()} == expected
    assert {record["Name"] for record in found.values()} == {
        f"Order {number} - Petra Lund" for number in expected
    }
    assert list(front.records("Contact")) == [MAIL]


async def test_a_status_that_comes_before_its_order_takes_nothing_from_it(front: Front) -> None:
    news = {"increment_id": "000000417", "status": "complete", "updated_at": "2026-02-03 10:00:00"}
    late = an_order("000000418", entity_id="418", updated_at="2026-02-02 10:00:00")
    for order in (news, an_order(updated_at="2026-02-02 10:00:00")):
        await front.send({"event": SAVED, "order": order})
        await front.settled()
    # And in one batch: the worker finds all of these at once, in whatever order it is given them.
    for order in (news | {"increment_id": "000000418"}, late, late):
        await front.send({"event": SAVED, "order": order})
    report = await front.settled()
    for order in front.records("Opportunity").values():
        assert order["StageName"] == "Closed Won"
        assert (order["Amount"], order["Billing_City__c"]) == (86.0, "Odense")
        assert order["Description"] == "Bowl (SKU: BOWL, Qty: 2)"
    assert (report.total.dead, report.total.superseded) == (0, 1)


async def test_two_orders_with_one_number_never_show_each_other(front: Front) -> None:
    first = an_order(entity_id=501, store_id=1, grand_total=100)
    second = an_order(entity_id=502, store_id=2, grand_total=55.5, customer_email="b@example.com")
    for order in (first, second, {**first, "status": "complete", "state": "complete",
                                  "updated_at": "2026-02-02 10:00:00"}):  # fmt: skip
        await front.send({"event": SAVED, "order": order})
        report = await front.settled()
    assert report.total.dead == 1
    assert (await gather_kafka(front.rig.settings)).collisions == {"TWO_ORDERS_ONE_NUMBER": 1}
    (opportunity,) = front.records("Opportunity").values()
    assert (opportunity["Amount"], opportunity["StageName"]) == (100.0, "Closed Won")
    assert list(front.records("Contact")) == [MAIL]


@pytest.mark.proof
async def test_qualified_by_store_they_are_two(make_rig) -> None:
    front = Front(await make_rig(MAGENTO_ORDER_KEY="store"))
    await front.start()
    await front.rig.worker("w1")
    for order in (an_order(entity_id=501, store_id=1), an_order(entity_id=502, store_id=2)):
        await front.send({"event": SAVED, "order": order})
    assert (await front.settled()).total.dead == 0
    assert sorted(front.records("Opportunity")) == ["1:000000417", "2:000000417"]


@pytest.mark.proof
async def test_qualified_by_website_customers_and_orders_of_each_meet(make_rig) -> None:
    identity = {"MAGENTO_ORDER_KEY": "website", "MAGENTO_CUSTOMER_KEY": "website"}
    front = Front(await make_rig(MAGENTO_STORE_WEBSITES="1=1,2=5", **identity))
    await front.start()
    await front.rig.worker("w1")
    for store, website in ((1, 1), (2, 5)):
        customer = a_customer(id=20 + website, website_id=website, store_id=store)
        order = an_order(entity_id=500 + store, store_id=store, customer_id=20 + website)
        await front.send({"event": "customer_save_after", "customer": customer})
        await front.send({"event": SAVED, "order": order})
    assert (await front.settled()).total.dead == 0
    accounts, orders = front.records("Account"), front.records("Opportunity")
    assert sorted(accounts) == [f"1:{MAIL}", f"5:{MAIL}"]
    assert {key: record["AccountId"] for key, record in orders.items()} == {
        f"{site}:000000417": accounts[f"{site}:{MAIL}"]["Id"] for site in (1, 5)
    }


async def test_spellings_of_addresses_rows_and_mails_meet_in_one_customer(front: Front) -> None:
    await front.send({"event": "customer_save_after", "customer": a_raw_customer()})
    await front.settled()
    contact = front.records("Contact")[MAIL]
    assert (contact["MailingCity"], contact["Phone"]) == ("Odense", "65 00 00 00")
    assert front.records("Account")[MAIL]["Name"] == "Petra Lund"

    region = {**without(ADDRESS, "address_type"), "region": {"region": "Fyn", "region_id": 3}}
    keyed = without(an_order(), "billing_address") | {"addresses": {"billing": region}}
    keyed |= {"items": {"4170": a_row()}, "customer_email": f"\u202a{MAIL}\u202c"}
    await front.send({"event": SAVED, "order": keyed})
    beside = without(an_order("000000418", entity_id="418"), "items", "billing_address")
    await front.send({"order": beside, "items": [a_row()], "billing_address": ADDRESS})
    await front.settled()
    for number in ("000000417", "000000418"):
        order = front.records("Opportunity")[number]
        assert (order["Billing_State__c"], order["Billing_City__c"]) == ("Fyn", "Odense")
        assert order["Description"] == "Bowl (SKU: BOWL, Qty: 2)"
        assert order["AccountId"] == front.records("Account")[MAIL]["Id"]
    assert list(front.records("Contact")) == [MAIL]


@pytest.mark.proof
async def test_a_customer_is_found_under_every_name_and_never_made_of_an_order(
    front: Front,
) -> None:
    carrier = "kei..mori.@docomo.ne.jp"
    model = {"data_model": a_customer(email=carrier), "group_id": 1, "tax_class_id": 3}
    await front.send(cloud_event(model, "observer.customer_save_commit_after"))
    saved = {"customer_data_object": a_customer(id=24, email="new@example.com")}
    saved |= {"orig_customer_data_object": a_customer(id=24, email="old@example.com")}
    await front.send({"event": "customer_save_after_data_object", **saved})
    await front.settled()
    assert sorted(front.records("Contact")) == [carrier, "new@example.com"]

    order, customer = {"data": an_order()}, {"data": a_customer()}
    for body, event in (
        (order, "customer.updated"),
        (customer, "sales.order.updated"),
        ({"event": SAVED, "customer": a_customer()}, ""),
        ({"event": SAVED, "product": {"id": 4, "sku": "BOWL"}}, ""),
    ):
        status, text = await front.send(body, event)
        assert status == 400, text
    await front.settled()
    assert sorted(front.records("Contact")) == [carrier, "new@example.com"]
    assert front.records("Opportunity") == {}


async def test_who_changes_the_email_keeps_the_records_and_is_erased_under_both_addresses(
    front: Front,
) -> None:
    old, new = "greta.sand@example.com", "greta.wolf@example.org"
    for second, email in enumerate((old, new, old, new)):  # back, and once more
        saved = a_customer(id=131, email=email, updated_at=f"2026-02-01 10:00:0{second}")
        await front.send({"event": "customer_save_after", "customer": saved})
        await front.settled()
        for place, address in enumerate((old, new)):  # as the order was placed, and as it is now
            number = f"00000013{second}{place}"
            order = an_order(
                number, entity_id=f"{second}{place}", customer_id=131, customer_email=address
            )
            await front.send({"event": SAVED, "order": order})
        await front.settled()
        (contact,), (account,) = (front.records(name).values() for name in ("Contact", "Account"))
        assert contact["Email"] == contact["Magento_Customer_Key__c"] == email
        assert account["Magento_Customer_Key__c"] == email
        orders = front.records("Opportunity").values()
        assert {order["AccountId"] for order in orders} == {account["Id"]}

    code, report, errors = await command(
        front.rig, "erase", "--email", new, "--why", "test", "--yes", "--json"
    )
    assert code == 0, errors
    assert sorted(orjson.loads(report)["emails"]) == [old, new]
    for sobject in ("Contact", "Account", "Opportunity"):
        shown = orjson.dumps(front.rig.org.records(sobject)).decode()
        assert "greta" not in shown, sobject
        assert "Petra" not in shown, sobject
