"""How many were ordered, by the names that carts and modules have for it."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import decode
from tests.support.real_documents import an_order, without


@pytest.mark.parametrize("name", ["qty", "quantity", "quantity_ordered", "ordered_qty"])
@pytest.mark.parametrize("rows", ["items", "line_items"])
@pytest.mark.parametrize("quantity", [2, "1.5000", 1.5])
def test_what_carts_and_modules_call_a_quantity_is_the_rows(name, rows, quantity) -> None:
    """mage2pro/order-notifier posts `line_items` with `qty`: each line said `Qty: ?` for ever."""
    order = without(an_order(), "items") | {rows: [{"sku": "CUP", "name": "Cup", name: quantity}]}
    (row,) = decode(orjson.dumps(order), event="sales_order_save_after").entity["items"]
    assert row["qty_ordered"] == quantity


def test_a_quantity_that_is_said_is_not_taken_from_elsewhere() -> None:
    for said in (3, 0, "0.0000"):
        rows = [{"item_id": 1, "sku": "CUP", "qty_ordered": said, "qty": 2}]
        order = an_order() | {"items": rows}
        assert decode(orjson.dumps(order)).entity["items"] == rows


@pytest.mark.parametrize("nothing", [None, "", False])
def test_a_quantity_that_says_nothing_hides_no_other(nothing) -> None:
    """It depended on the rest of the order: one in REST's form is not gone through."""
    rows = [{"item_id": 1, "sku": "CUP", "name": "Cup", "qty_ordered": nothing, "qty": 2}]
    (row,) = decode(orjson.dumps(an_order() | {"items": rows})).entity["items"]
    assert row["qty_ordered"] == 2
