"""Invoices, quotes and subscriptions have numbers of their own, from 000000001: an order's, too.

In a module's own words one has a number, a total, a buyer and a status, and was written over the
order of its number.
"""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import DecodeError, decode
from schemas.event import Kind
from tests.support.real_documents import an_order

OTHER = {
    "entity_id": 5,
    "increment_id": "000000005",
    "grand_total": 43,
    "status": "paid",
    "customer_email": "x@example.com",
    "items": [{"sku": "CUP", "qty": 1}],
}
NAMES = ["invoice.created", "subscription.renewed", "quote_sent", "refund.issued", "creditmemo/new"]


def said(body: object, event: str):
    return decode(orjson.dumps(body), event=event)


@pytest.mark.parametrize("name", NAMES)
def test_a_document_of_another_name_is_not_the_order_of_its_number(name: str) -> None:
    for body in (OTHER, {"data": OTHER}, {"event": name, "payload": OTHER}):
        assert said(body, name).is_ignored


@pytest.mark.parametrize("wrapper", ["invoice", "creditmemo", "shipment"])
def test_nor_is_it_in_a_wrapper_of_its_own(wrapper: str) -> None:
    assert said({wrapper: OTHER}, "").is_ignored
    assert said({wrapper: OTHER}, "acme_pushed").is_ignored


@pytest.mark.parametrize("name", NAMES)
def test_an_order_that_comes_with_one_is_taken(name: str) -> None:
    part = {"increment_id": "000000417", "grand_total": 86, "state": "closed", "total_refunded": 86}
    for body in (an_order(), {"order": an_order()}, {"data": an_order()}, {"order": OTHER}, part):
        assert said(body, name).kind is Kind.ORDER
    for event in ("order.invoiced", "orders/refunded", "acme_pushed", ""):
        assert said(OTHER, event).kind is Kind.ORDER


@pytest.mark.parametrize("event", ["", "acme_pushed"])
@pytest.mark.parametrize("buyer", [{}, {"customer_email": "x@example.com"}])
def test_what_names_another_orders_number_is_of_that_order(buyer, event: str) -> None:
    """An invoice by Mageplaza's webhook: a body of one's own, and no event's name."""
    invoice = {"entity_id": 5, "increment_id": "000000005", "grand_total": 43, **buyer}
    assert said(invoice | {"order_number": "000000417", "status": "paid"}, event).is_ignored
    for own in ("000000005", "SO-417", "0000000417", "4500000417", None):
        assert said(invoice | {"order_number": own}, event).kind is Kind.ORDER
    legacy = an_order(order_number="000012345")
    for body in (legacy, {"order": legacy}):
        assert said(body, event).key == "000000417"


@pytest.mark.parametrize(
    "name", ["sales_model_service_quote_submit_success", "quote_converted", "quotation/convert"]
)
def test_a_quote_that_became_an_order_is_that_order(name: str) -> None:
    """By Magento's own event of a placed order, its few fields were a 200 and written nowhere."""
    few = {"increment_id": "000000417", "grand_total": 86, "customer_email": "x@example.com"}
    for body in (few, {"data": few | {"entity_id": 417, "state": "new", "status": "pending"}}):
        assert said(body, name).key == "000000417"


def test_a_part_of_an_order_with_a_number_of_a_modules_own_is_told_how_it_is_taken() -> None:
    """The refusal said that it lacks an order ID, which it has."""
    part = {"entity_id": 417, "increment_id": "000000417", "status": "complete"}
    part |= {"order_number": "000000999"}
    with pytest.raises(DecodeError, match=r"`order_number` is of another order.*in `order`"):
        said(part, "sales_order_save_commit_after")
    assert said({"order": part}, "sales_order_save_commit_after").key == "000000417"
