"""Line items through the real client into a simulated org."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.dispatcher import build_dispatcher
from agents.delivery.fault_scope import ENOUGH_RECORDS
from agents.delivery.types import NotSent, RefusedWrite, Stale, WriteSet, Written
from agents.mapping.mapping import Mapping, default_text
from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.interrupt import Interrupt
from agents.worker.org_schema import standard_pricebook
from schemas.codec import Document
from schemas.event import Kind
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]


def order(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "increment_id": f"{number:09d}",
        "entity_id": number,
        "state": "new",
        "customer_email": f"c{number}@example.com",
        "customer_lastname": "Durand",
        "order_currency_code": "EUR",
        "created_at": "2026-03-14 18:00:00",
        "updated_at": "2026-03-14 18:00:00",
        "shipping_amount": 5,
        "tax_amount": 4.2,
        "discount_amount": -2,
        "grand_total": 38.2,
        "items": [
            {
                "item_id": number * 10 + 1,
                "sku": "BAG",
                "name": "Bag",
                "qty_ordered": 2,
                "row_total": 20,
            },
            {
                "item_id": number * 10 + 2,
                "sku": "CAP",
                "name": "Cap",
                "qty_ordered": 3,
                "row_total": 11,
            },
        ],
        **more,
    }


class Desk:
    """Mapping, dispatcher and client at work on an org."""

    def __init__(self, org: Any, choice: str = "opportunity") -> None:
        self.org = org.org
        self.choice = choice
        settings = settings_for(org, breaker_probe_seconds=0.1, salesforce_calls_per_second=1000.0)
        self.client = build_client(settings, alerts=Alerts())
        self.dispatcher = build_dispatcher(settings, self.client, Alerts(), Interrupt())
        self.mapping: Mapping | None = None

    async def bundle(self, entity: dict[str, Any]) -> WriteSet:
        if self.mapping is None:
            text = default_text().replace("line_items: off", f"line_items: {self.choice}")
            plain = Mapping.parse(text)
            describes = {name: await self.client.describe(name) for name in plain.sobjects}
            self.client.guard_from(describes)
            book = await standard_pricebook(self.client, plain)
            self.mapping = plain.refined(describes, standard_pricebook=book)
        key = entity["increment_id"]
        mapped = self.mapping.apply(Document("order_saved", Kind.ORDER, key, entity, ""))
        return WriteSet(key, mapped.rows, mapped.lock_key, lines=mapped.lines)

    async def send(self, *entities: dict[str, Any]) -> list[Any]:
        bundles = [await self.bundle(entity) for entity in entities]
        async with asyncio.timeout(60):
            return await self.dispatcher.send(bundles)

    def records(self, sobject: str) -> list[dict[str, Any]]:
        return list(self.org.store.tables[sobject].records.values())

    def lines(self) -> dict[str, float]:
        return {
            r["Magento_Item_ID__c"]: r["TotalPrice"] for r in self.records("OpportunityLineItem")
        }


@pytest.fixture
async def desk(salesforce_org):
    desk = Desk(salesforce_org)
    yield desk
    desk.client.close()


async def test_an_order_becomes_an_opportunity_whose_lines_make_its_amount(desk):
    (outcome,) = await desk.send(order())
    assert isinstance(outcome, Written)
    (opportunity,) = desk.records("Opportunity")
    assert opportunity["Amount"] == 38.2
    assert desk.lines() == {
        "000000001:11": 20.0,
        "000000001:12": 11.01,
        "000000001:shipping": 5.0,
        "000000001:tax": 4.2,
        "000000001:discount": -2.0,
        "000000001:other": -0.01,
    }
    assert {p["Magento_SKU__c"] for p in desk.records("Product2")} >= {"BAG", "MAGENTO-TAX"}


async def test_the_same_order_again_doubles_nothing(desk, salesforce_org):
    await desk.send(order())
    before = desk.lines()
    await desk.send(order())
    other = Desk(salesforce_org)  # another worker remembers nothing
    (outcome,) = await other.send(order())
    other.client.close()
    assert isinstance(outcome, Written)
    assert desk.lines() == before
    assert len(desk.records("Product2")) == len(desk.records("PricebookEntry")) == 6


async def test_a_line_that_left_the_order_is_removed_and_the_amount_follows(desk):
    await desk.send(order())
    changed = order(updated_at="2026-03-14 19:00:00", grand_total=27.2)
    del changed["items"][1]
    (outcome,) = await desk.send(changed)
    assert isinstance(outcome, Written)
    assert "000000001:12" not in desk.lines()
    assert "000000001:other" not in desk.lines()
    assert desk.records("Opportunity")[0]["Amount"] == 27.2


async def test_a_line_somebody_added_by_hand_stays(desk):
    await desk.send(order())
    (opportunity,) = desk.records("Opportunity")
    price = desk.records("PricebookEntry")[0]["Id"]
    body = {
        "OpportunityId": opportunity["Id"],
        "PricebookEntryId": price,
        "Quantity": 1,
        "UnitPrice": 7,
    }
    await desk.client.request("create", "POST", "sobjects/OpportunityLineItem", _bytes(body))
    await desk.send(order(updated_at="2026-03-14 19:00:00"))
    assert [
        r["TotalPrice"]
        for r in desk.records("OpportunityLineItem")
        if not r.get("Magento_Item_ID__c")
    ] == [7]


async def test_lines_of_an_older_state_change_nothing(desk, salesforce_org):
    await desk.send(order(updated_at="2026-03-14 20:00:00"))
    before = desk.lines()
    old = order(updated_at="2026-03-14 19:00:00")
    old["items"][0]["row_total"] = 1
    (outcome,) = await desk.send(old)
    assert isinstance(outcome, Stale)
    assert desk.lines() == before


@pytest.mark.parametrize("orders", [1, ENOUGH_RECORDS + 1])
async def test_a_product_somebody_deleted_is_made_again(desk, orders):
    await desk.send(order(1))
    for record in [*desk.records("OpportunityLineItem"), *desk.records("Opportunity")]:
        await desk.client.delete([record["Id"]])
    for record in [*desk.records("PricebookEntry"), *desk.records("Product2")]:
        await desk.client.delete([record["Id"]])
    outcomes = await desk.send(*(order(number) for number in range(2, 2 + orders)))
    assert all(isinstance(outcome, Written) for outcome in outcomes), outcomes
    assert [record["Amount"] for record in desk.records("Opportunity")][-orders:] == [38.2] * orders


async def test_a_product_that_is_refused_costs_only_the_orders_that_have_it(desk):
    bad = order(2)
    bad["items"][0]["sku"] = "POISON"
    desk.org.faults.add(
        {
            "kind": "row_error",
            "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "message": "not this one",
            "sobject": "Product2",
            "external_id": "POISON",
            "times": 100,
        }
    )
    good, refused = await desk.send(order(1), bad)
    assert isinstance(good, Written)
    assert isinstance(refused, RefusedWrite)
    assert refused.kind is ErrorKind.UNKNOWN
    assert "poison" in refused.message


@pytest.mark.parametrize("method", ["DELETE", "GET"])
@pytest.mark.parametrize(
    ("fault", "costs_an_attempt"),
    [("unknown_exception", True), ("unavailable", False), ("rate_limited", False)],
)
async def test_what_fails_around_a_delete_is_tried_again_and_an_outage_costs_no_attempt(
    desk, fault, costs_an_attempt, method
):
    await desk.send(order())
    changed = order(updated_at="2026-03-14 19:00:00", grand_total=27.2)
    del changed["items"][1]
    where = {"method": method, "path": "/query" if method == "GET" else "sobjects"}
    desk.org.faults.add({"kind": fault, "match": where, "times": 1})
    (first,) = await desk.send(copy.deepcopy(changed))
    assert isinstance(first, RefusedWrite if costs_an_attempt else NotSent)
    desk.org.faults.clear()
    (second,) = await desk.send(changed)
    assert isinstance(second, Written)
    assert "000000001:12" not in desk.lines()


async def test_an_outage_that_begins_around_a_delete_costs_none_of_them_an_attempt(desk):
    """Each order of the batch paid for its first moment, before the breaker opened."""
    await desk.send(order())
    changed = order(updated_at="2026-03-14 19:00:00", grand_total=27.2)
    del changed["items"][1]
    for path in ("/query", "limits"):
        desk.org.faults.add({"kind": "unknown_exception", "match": {"path": path}, "times": 9})
    assert isinstance((await desk.send(copy.deepcopy(changed)))[0], NotSent)
    desk.org.faults.clear()
    assert isinstance((await desk.send(changed))[0], Written)


async def test_an_order_can_have_order_items_instead(salesforce_org):
    desk = Desk(salesforce_org, "order")
    try:
        (outcome,) = await desk.send(order())
        assert isinstance(outcome, Written)
        changed = order(updated_at="2026-03-14 19:00:00", grand_total=27.2)
        del changed["items"][1]
        (outcome,) = await desk.send(changed)
        assert isinstance(outcome, Written)
        (header,) = desk.records("Order")
        assert header["Status"] == "Draft"
        assert round(sum(r["TotalPrice"] for r in desk.records("OrderItem")), 2) == 27.2
        assert desk.records("Opportunity")[0]["Amount"] == 27.2
    finally:
        desk.client.close()


async def test_a_thousand_orders_with_five_lines_stay_within_the_calls_that_are_stated(desk):
    await desk.bundle(order())
    outcomes = await desk.send(*(order(number) for number in range(1, 201)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    writes = sum(n for path, n in desk.org.counts.by_path.items() if "composite" in path)
    assert writes <= 6


def _bytes(value: Any) -> bytes:
    import orjson

    return orjson.dumps(value)
