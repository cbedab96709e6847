"""An `order_id`: of the order that a document belongs to, or what a sender calls the order's own id."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import DecodeError, decode
from schemas.event import Kind

BUYER = {"customer_email": "x@example.com", "customer_firstname": "X", "customer_lastname": "Y"}
NAMED = {"order_id": 417, "increment_id": "000000417"}


def said(body: object, event: str = ""):
    return decode(orjson.dumps(body), event=event)


@pytest.mark.parametrize("event", ["acme_new_order", ""])
@pytest.mark.parametrize("items", [[], [{"sku": "CUP", "qty": 1}]])
def test_an_order_whose_id_is_called_order_id_is_not_lost(event: str, items) -> None:
    """What modules make of `$order->getId()`: a quiet 200, as an invoice of which nobody knows."""
    order = {**NAMED, "grand_total": "86.00", "customer_email": "x@example.com", "items": items}
    document = said(order, event)
    assert (document.kind, document.key) == (Kind.ORDER, "000000417")


def test_a_status_of_an_order_that_is_called_so_is_taken_or_refused_but_not_lost() -> None:
    status = {**NAMED, "status": "complete"}
    for event in ("", "sales_order_save_commit_after", "sales_order_save_after"):
        assert said(status, event).key == "000000417"
    with pytest.raises(DecodeError, match="has only the number of an order"):
        said(status, "acme_status_changed")


@pytest.mark.parametrize(
    "more",
    [
        {"grand_total": 86, "state": 2},
        {"items": [{"sku": "CUP", "qty": 1}]},
        {**BUYER, "grand_total": 86, "invoice_id": 9},
        {**BUYER, "grand_total": 86, "order_increment_id": "000000099"},
        {**BUYER, "grand_total": 86, "total_qty": 1},
    ],
)
def test_what_may_be_an_invoice_of_it_is_none(more) -> None:
    document = {**NAMED, "increment_id": "000000900", **more}
    assert said(document, "acme_document").is_ignored
    for invoice in (document, {**document, **BUYER}):
        assert said(invoice, "sales_order_invoice_save_after").is_ignored
