"""An order in other words is refused and rings: a quiet 200 lost it, or made its buyer of it."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import DecodeError, decode
from schemas.event import Kind

BUYER = {"email": "x@example.com", "firstname": "X", "lastname": "Y"}
SHORT = {"order_id": 12, "order_number": "000000417", "total": 86}


def said(body: object, event: str = ""):
    return decode(orjson.dumps(body), event=event)


@pytest.mark.parametrize(
    "body",
    [
        SHORT,
        {**SHORT, "customer_email": "x@example.com"},
        {"order": {"order_id": "000000417", "total": 86, "status": "pending"}},
        {"order_id": 12, "grand_total": 86, "customer_email": "x@example.com"},
        {"order_id": "000000417", "order_total": "86.00", "email": "x@example.com"},
        {"orderNumber": "000000417", "totalPrice": 86},
        {"order_id": 12, "total": 86, "products": [{"sku": "CUP", "qty": 1}]},
    ],
)
@pytest.mark.parametrize("event", ["order.created", "acme_new_order"])
def test_an_order_with_a_total_of_its_own_name_is_no_quiet_200(body, event: str) -> None:
    with pytest.raises(DecodeError, match="called otherwise"):
        said(body, event)


@pytest.mark.parametrize("event", ["acme_pushed", ""])
@pytest.mark.parametrize(
    "order",
    [
        SHORT,
        {"order": {"id_order": "000000417", "status_code": "pending", "grand_total": "86.0000"}},
        {"order": {"reference": "000000417", "total": 86, "currency": "EUR"}},
        {"order": '{"code": "000000417", "total": 86, "items": []}'},
        {"id_order": "000000417", "total_incl_tax": 86, "products": [{"sku": "CUP"}]},
        {"order_ref": "000000417", "revenue": 86},
    ],
)
def test_its_buyer_is_not_taken_in_its_place(order, event: str) -> None:
    """The second of these is what Yuzu_Tags sends: the order was lost behind its buyer."""
    with pytest.raises(DecodeError, match="called otherwise"):
        said({**order, "customer": {"id": 7, **BUYER}}, event)


@pytest.mark.parametrize(
    "body",
    [
        {"invoice_id": 5, **SHORT},
        {"shipment_number": "000000005", "order_number": "000000417", "total": 86},
        {"refund_amount": 5, "order_id": 12, "total": 86, "email": "x@example.com"},
        {"creditmemo": SHORT},
        {"refund_id": 5, "order": {"reference": "000000417", "total": 86, "currency": "EUR"}},
        {"points": 5, "order": {"reference": "000000417", "total": 86}},
        {"order_id": 12, "total": 86, "method": "checkmo"},
        {"order_id": 12, "status": "paid"},
        {"order_number": "000000417", "total_weight": 3},
    ],
    ids=[
        "invoice",
        "shipment",
        "refund",
        "credit memo",
        "its order",
        "points",
        "payment",
        "status",
        "parcel",
    ],
)
def test_what_is_of_an_order_stays_ignored(body) -> None:
    assert said(body, "acme_document").is_ignored


def test_a_customer_with_figures_of_orders_stays_one() -> None:
    figures = {"last_order_number": "000000417", "order_total": 860, "order_id": 12}
    for customer in (
        {**BUYER, "id": 7, "group_id": 1, **figures},
        {"customer": {**BUYER, "id": 7}},
    ):
        assert said(customer, "acme_customer").kind is Kind.CUSTOMER
    within = {"customer": {**BUYER, "id": 7, **figures}}
    assert said(within, "acme_customer").kind is Kind.CUSTOMER
    assert said({**SHORT, "customer": {**BUYER, "id": 7}}, "customer.updated").kind is Kind.CUSTOMER
