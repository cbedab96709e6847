"""Lines add up to the order to the cent, and count nothing twice."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.mapping.lines import OTHER_SKU, order_lines
from sandbox.magento.store import Store
from schemas.codec import decode
from schemas.event import Kind

GRAND_TOTAL = ("grand_total", "order")
CENT = Decimal("0.01")


def total_of(lines) -> Decimal:
    """What Salesforce makes of the lines: quantity (2 decimals) times price (2), in cents."""
    for line in lines:
        assert line.quantity == line.quantity.quantize(CENT)
        assert line.unit_price == line.unit_price.quantize(CENT)
    return sum((line.total for line in lines), Decimal(0))


def lines_of(order, amount=GRAND_TOTAL, notes=None):
    return order_lines(order, "42", amount, [] if notes is None else notes)


def in_cents(value) -> Decimal:
    return Decimal(str(value)).quantize(CENT)


@pytest.mark.slow
@pytest.mark.parametrize("currency", ["order", "base"])
def test_the_lines_of_two_thousand_orders_of_the_simulated_store_add_up_to_the_cent(currency):
    store = Store(seed=7)
    chance = random.Random(7)
    field = "grand_total" if currency == "order" else "base_grand_total"
    explained = 0
    for _ in range(2000):
        saved = [hook for hook in store.place()[1] if hook.kind is Kind.ORDER]
        order = decode(saved[-1].body, event=saved[-1].event).entity
        if chance.random() < 0.3:  # a module's fee, gift card or reward: in no field of its own
            for name in ("grand_total", "base_grand_total"):
                order[name] = round(float(order[name]) + chance.uniform(-5, 5), 2)
        notes: list[str] = []
        lines = lines_of(order, ("grand_total", currency), notes)
        assert total_of(lines) == in_cents(order[field])
        assert len({line.id for line in lines}) == len(lines)
        has_other = any(line.sku == OTHER_SKU for line in lines)
        assert has_other == any("MAGENTO-OTHER" in note for note in notes)
        explained += not has_other
    assert explained > 500


money = st.one_of(
    st.none(),
    st.decimals(-100_000, 100_000, places=4, allow_nan=False).map(str),
    st.floats(-1e6, 1e6).map(lambda value: round(value, 4)),
    st.just("nonsense"),
)
items = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "item_id": st.one_of(st.none(), st.integers(1, 5), st.just("x")),
            "parent_item_id": st.one_of(st.none(), st.integers(0, 3)),
            "sku": st.one_of(st.none(), st.text(max_size=300)),
            "product_type": st.sampled_from(["simple", "configurable", "bundle"]),
            "qty_ordered": st.one_of(
                st.none(), st.integers(-1, 9), st.just("0.3333"), st.just(2.5)
            ),
            "row_total": money,
            "price": money,
        },
    ),
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(items, money, money, money, st.decimals(-1e6, 1e6, places=2).map(str))
def test_any_document_with_a_total_has_lines_that_add_up_to_it(rows, tax, shipping, less, total):
    order = {
        "items": rows,
        "tax_amount": tax,
        "shipping_amount": shipping,
        "discount_amount": less,
        "grand_total": total,
    }
    lines = lines_of(order)
    assert total_of(lines) == in_cents(total)
    assert len({line.id for line in lines}) == len(lines)


def item(number: int, **more):
    return {"item_id": number, "sku": f"SKU-{number}", "qty_ordered": 1, "row_total": 10, **more}


def test_a_configurable_counts_once_with_its_parents_money():
    rows = [
        item(1, product_type="configurable", sku="HOODIE-S"),
        item(2, parent_item_id=1, sku="HOODIE-S", row_total=0),
    ]
    lines = lines_of({"items": rows, "grand_total": 10})
    assert [(line.id, line.sku, line.total) for line in lines] == [("42:1", "HOODIE-S", 10)]


def test_a_dynamic_bundle_counts_its_parent_which_carries_the_sum_of_its_parts():
    rows = [
        item(1, product_type="bundle", row_total=30),
        item(2, parent_item_id=1, row_total=10),
        item(3, parent_item_id=1, row_total=20),
    ]
    (line,) = lines_of({"items": rows, "grand_total": 30})
    assert (line.id, line.total) == ("42:1", 30)


def test_charges_are_lines_of_stated_skus():
    order = {
        "items": [item(1)],
        "shipping_amount": "5.0000",
        "tax_amount": 2.5,
        "discount_amount": -3,
        "grand_total": 14.5,
    }
    charges = {line.sku: line.total for line in lines_of(order)[1:]}
    assert charges == {
        "MAGENTO-SHIPPING": Decimal(5),
        "MAGENTO-TAX": Decimal("2.5"),
        "MAGENTO-DISCOUNT": Decimal(-3),
    }


def test_the_cents_of_a_price_that_does_not_divide_go_to_the_line_for_differences():
    lines = lines_of({"items": [item(1, qty_ordered=3, row_total=10)], "grand_total": 10})
    assert [(line.sku, line.quantity, line.unit_price) for line in lines] == [
        ("SKU-1", 3, Decimal("3.33")),
        (OTHER_SKU, 1, Decimal("0.01")),
    ]


def test_a_quantity_salesforce_cannot_hold_is_told_in_the_description():
    (line,) = lines_of({"items": [item(1, qty_ordered=0.3333)], "grand_total": 10})
    assert (line.quantity, line.unit_price) == (1, 10)
    assert line.description == "Quantity ordered: 0.3333"


def test_rows_saved_before_the_commit_have_ids_that_differ_from_the_later_ones():
    early = lines_of(
        {"items": [item(1) | {"item_id": None, "quote_item_id": 901}], "grand_total": 10}
    )
    assert early[0].id == "42:q901"


def test_a_long_sku_keeps_its_identity():
    one, other = (
        lines_of({"items": [item(1, sku="b" * 250 + end)], "grand_total": 10})[0].sku
        for end in "xy"
    )
    assert one != other
    assert len(one) == len(other) == 200


def test_what_was_earned_so_far_can_be_the_sum_too():
    order = {"items": [item(1)], "grand_total": 10, "total_paid": 10, "total_refunded": 4}
    assert total_of(lines_of(order, ("paid_minus_refunded", "order"))) == 6
