"""The status and the currency of an order under the names that modules give them."""

from __future__ import annotations

import orjson
import pytest

from agents.mapping.mapping import Mapping
from schemas.codec import decode
from tests.support.real_documents import an_order, without

PLAIN = an_order(order_currency_code="DKK")
NO_STATE = without(PLAIN, "state", "status")
NO_CURRENCY = without(PLAIN, "order_currency_code")


def said(order: dict[str, object]):
    return decode(orjson.dumps({"order": order}), event="sales_order_save_after")


@pytest.mark.parametrize("empty", [{}, {"status": None}, {"status": "", "state": False}])
@pytest.mark.parametrize("name", ["order_status", "orderStatus", "status_code"])
def test_a_status_by_another_name_moves_the_order_on(name: str, empty) -> None:
    document = said(NO_STATE | empty | {name: "complete"})
    assert document.entity["status"] == "complete"
    assert document.notes == (f"status: read in `{name}` of the order",)


@pytest.mark.parametrize("empty", [{}, {"order_currency_code": None}])
@pytest.mark.parametrize("name", ["currency_code", "currency", "order_currency"])
def test_an_amount_has_the_currency_that_the_order_says(name: str, empty) -> None:
    document = said(NO_CURRENCY | empty | {name: "SEK"})
    assert document.entity["order_currency_code"] == "SEK"
    assert document.notes == (f"order_currency_code: read in `{name}` of the order",)


def test_what_the_order_says_by_its_own_names_counts() -> None:
    more = {"order_status": "canceled", "currency": "SEK", "status_code": "holded"}
    assert said(PLAIN | more).entity == PLAIN | more
    for status in ({"state": "new"}, {"status": "pending"}):
        assert "canceled" not in (said(NO_STATE | more | status).entity.get("status") or "")


def test_what_is_no_word_is_no_status() -> None:
    assert "status" not in said(NO_STATE | {"status_code": 200, "order_status": {"id": 1}}).entity


@pytest.mark.parametrize("value", ["kr", "Danish krone", 208, {"code": "DKK"}, None, "12€"])
def test_what_is_no_code_is_no_currency(value) -> None:
    assert "order_currency_code" not in said(NO_CURRENCY | {"currency": value}).entity


def test_an_order_as_graphql_writes_it_is_read_where_its_number_is_sure() -> None:
    """It was an Opportunity without an Amount, of 'Unnamed product (SKU: no SKU)'."""
    order = {
        "id": "NDE3",
        "number": "000000417",
        "order_date": "2026-03-14 17:59:00",
        "status": "On Hold",
        "email": "petra.lund@example.com",
        "total": {"grand_total": {"value": 86.5, "currency": "DKK"}},
        "items": [
            {
                "product_sku": "CUP",
                "product_name": "Cup",
                "quantity_ordered": 2,
                "product_sale_price": {"value": 43.25, "currency": "DKK"},
            }
        ],
    }
    body = {"event": "sales_order_save_after", "order": order}
    mapped = Mapping.load().apply(decode(orjson.dumps(body)))
    fields = mapped.rows[-1].fields
    assert mapped.rows[-1].external_id == "000000417"
    assert (fields["Amount"], fields["StageName"]) == (86.5, "Needs Analysis")
    assert (fields["CloseDate"], fields["Description"]) == ("2026-04-14", "Cup (SKU: CUP, Qty: 2)")
    own = said(
        PLAIN | {"total": {"grand_total": {"value": 1}}, "order_date": "2020-01-01 00:00:00"}
    )
    assert own.entity["grand_total"] == PLAIN["grand_total"]
    assert own.entity["created_at"] == PLAIN["created_at"]
