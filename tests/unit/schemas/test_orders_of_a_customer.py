"""Orders inside a customer, or beside one: told of, and lost for no 200."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import DecodeError, decode
from schemas.event import Kind
from tests.support.real_documents import a_customer


def said(body: object, event: str = ""):
    return decode(orjson.dumps(body), event=event)


GRAPHQL = {"number": "000000031", "status": "Processing", "total": {"grand_total": {"value": 9}}}
REST = {"entity_id": 31, "increment_id": "000000031", "grand_total": 9, "status": "processing"}


@pytest.mark.parametrize(
    "orders",
    [
        {"orders": {"items": [GRAPHQL], "total_count": 1}},
        {"orders": {"items": [GRAPHQL, {**GRAPHQL, "number": "000000032"}]}},
        {"customerOrders": {"items": [{"order_number": "000000031", "grand_total": 9}]}},
        {"orders": [REST, {**REST, "entity_id": 32}]},
        {"orders": {"31": REST}},
        {"last_order": REST},
        {"purchases": '[{"increment_id": "000000031", "grand_total": "9.0000"}]'},
    ],
)
def test_orders_inside_a_customer_are_told_of_and_lost_for_no_200(orders) -> None:
    customer = {**a_customer(), **orders}
    name = next(iter(orders))
    for body in ({"customer": customer}, {"data": {"customer": customer}}, customer):
        document = said(body, "customer_save_after")  # each order's own save follows
        assert (document.kind, document.entity) == (Kind.CUSTOMER, customer)
        assert any(name in note for note in document.notes)
        for event in ("", "acme_profile_export"):
            with pytest.raises(DecodeError, match=name):
                said(body, event)


def test_orders_beside_a_customer_are_not_lost_either() -> None:
    for order in (GRAPHQL, {"order_number": "000000031", "grand_total": 9}):
        with pytest.raises(DecodeError, match="orders"):
            said({"customer": a_customer(), "orders": {"items": [order, order]}}, "")
    assert said({"customer": a_customer(), "orders": [REST]}, "").kind is Kind.ORDER


@pytest.mark.parametrize(
    "more",
    [
        {"orders": {"items": [], "total_count": 0}},
        {"orders": []},
        {"orders": None, "order_count": 3, "last_order_id": "31", "last_order_date": "2026-01-01"},
        {"quote": {"entity_id": 5, "grand_total": 9, "items_count": 1, "items": [{"item_id": 1}]}},
        {"order_statistics": {"count": 3, "lifetime": {"value": 9}}},
        {
            "last_order": {"id": 31},
            "orders": ["000000031"],
            "recent_order": {"number": "000000031"},
        },
        {"border": GRAPHQL, "cart": {"id": "x", "items": [{"item_id": 3, "qty": 1}]}},
    ],
)
def test_a_customer_without_orders_is_taken_whatever_says_order(more) -> None:
    customer = {**a_customer(), **more}
    assert said({"customer": customer}, "").entity == customer
    assert not said({"customer": customer}, "").notes
