"""An id with zeros before it is an order's number: entity ids are numbers, and have none."""

from __future__ import annotations

import orjson
import pytest

from agents.handling.enrichment import handle_of
from schemas.codec import decode
from schemas.event import Kind
from schemas.identity import CustomerKey, Identity, OrderKey, site_of, told_id
from tests.support.real_documents import a_customer, an_order, without

SAVED = "sales_order_save_after"


def said(body: object, event: str = SAVED):
    return decode(orjson.dumps(body), event=event)


@pytest.mark.parametrize("name", ["id", "entity_id"])
def test_a_template_that_puts_the_number_into_the_id_makes_no_second_order(name: str) -> None:
    """`{"id": "{{ item.increment_id }}"}`: read as an id it was a twin, or another order's."""
    order = without(an_order(), "increment_id", "entity_id") | {name: "000000417"}
    document = said({"order": order})
    assert (document.key, document.external_id) == ("000000417", "")
    assert document.entity["increment_id"] == "000000417"
    assert handle_of(Kind.ORDER, document.entity) == ("increment_id", "000000417")
    assert document.notes == ("increment_id: read in its id, which has zeros before it",)
    both = said({"order": order | {"id": "000000417", "entity_id": 17}}).entity
    assert (both["increment_id"], both["entity_id"], both["id"]) == ("000000417", 17, None)


@pytest.mark.parametrize("entity_id", ["417", 417, "0", "00", "0x1", "A01", "", "01.5"])
def test_another_id_is_one(entity_id) -> None:
    order = an_order(None, entity_id=entity_id) | {"id": 5}
    wanted = entity_id if entity_id not in ("0", "") else 5
    assert said(order).key == f"id:{wanted}".lower()


def test_an_envelopes_id_is_no_number() -> None:
    order = without(an_order(), "increment_id")
    for envelope in ({"order": order}, {"event": SAVED, "order": order}, {"data": order}):
        assert said({"id": "0000123", "type": "order.saved", **envelope}).key == "id:417"
    assert said({"id": "0000123", "order": an_order()}).key == "000000417"
    beside = {"increment_id": "000000417", "order": order | {"entity_id": "0009"}}
    assert said(beside).key == "000000417"


def test_a_number_of_its_own_counts_first_and_customers_have_ids_only() -> None:
    assert said(an_order(entity_id="000000009")).key == "000000417"
    customer = a_customer(id="0009")
    assert said(customer, "customer_save_after").customer_id == "0009"


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({"entity_id": 417, "id": 9}, "417"),
        ({"id": 9}, ""),
        ({"entity_id": "000000417"}, ""),
        ({"entity_id": "417.0"}, "417"),
        ({"entity_id": "417.0000"}, "417"),
        ({"entity_id": "417.5"}, "417.5"),
        ({"entity_id": "0a1"}, "0a1"),
    ],
)
def test_an_order_is_held_to_an_id_that_is_one(order, told: str) -> None:
    """A template's number in both fields was another order's id, and each save a dead letter."""
    assert told_id(order, Kind.ORDER) == told


def test_whole_numbers_that_a_column_made_floats_are_the_same_ids() -> None:
    """pandas writes `7.0` for a customer, `1.0` for a store view: twins, and orders of nobody."""
    rule = Identity(order_key=OrderKey.STORE, customer_key=CustomerKey.WEBSITE, websites={"1": "2"})
    order = an_order("100000417.0", store_id="1.0", entity_id="417.0", customer_id="23.0")
    document = decode(orjson.dumps(order), event=SAVED, identity=rule)
    assert (document.key, document.customer_id) == ("1:100000417", "23")
    assert document.customer_key == "2:petra.lund@example.com"
    assert (site_of(document.entity), told_id(document.entity, Kind.ORDER)) == ("1", "417")
    assert document.notes == ("increment_id: `.0` or what nobody sees is, left out",)
