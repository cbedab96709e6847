"""One order, one set of lines: whichever form of its totals a sender shows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from agents.mapping.fields.coerce import utf16_length
from agents.mapping.lines import order_lines
from agents.mapping.mapping import Mapping, default_text
from agents.mapping.order_document import amount_of
from sandbox.magento.shapes import rest_form
from schemas.codec import Document
from schemas.event import Kind

# Measured in a Magento 2.4.7: 3 x 19.99 with 10 % off, the module's form.
ORDER = {
    "increment_id": "7",
    "subtotal": 59.97,
    "shipping_amount": 15,
    "tax_amount": 4.45,
    "discount_amount": -6,
    "grand_total": 73.42,
    "items": [
        {
            "item_id": 1,
            "sku": "A",
            "name": "A",
            "qty_ordered": 3,
            "price": 19.99,
            "row_total": 59.97,
            "discount_amount": 6,
            "discount_tax_compensation_amount": 0,
        }
    ],
}
POLICY = ("grand_total", "order")


def priced(order):
    notes: list[str] = []
    lines = order_lines(order, "7", POLICY, notes)
    return [(line.sku, line.quantity, line.unit_price) for line in lines], notes


def test_rest_and_raw_documents_give_the_same_lines():
    rest = rest_form(ORDER)
    assert rest["items"][0]["row_total"] == 53.97
    lines, notes = priced(ORDER)
    assert priced(rest) == (lines, notes) == (lines, [])
    assert lines[0] == ("A", Decimal(3), Decimal("19.99"))
    assert sum(quantity * price for _, quantity, price in lines) == Decimal("73.42")


@pytest.mark.parametrize(
    ("change", "total"),
    [
        ({"row_total": "59.9700", "price": "19.9900", "qty_ordered": "3.0000"}, "59.97"),
        ({"row_total": 59.98}, "59.98"),  # tax by row: a cent beside price x quantity
        ({"row_total": 50.97, "discount_tax_compensation_amount": -3}, "59.97"),
        ({"row_total": 40}, "59.97"),  # neither form: what price and quantity say
        ({"row_total": None}, "59.97"),
        ({"price": None}, "59.97"),
    ],
)
def test_a_rows_total_before_discount_is_found_in_either_form(change, total):
    item = ORDER["items"][0] | change
    (line, *_), _ = priced(ORDER | {"items": [item]})
    assert abs(line[1] * line[2] - Decimal(total)) <= Decimal("0.01")


CREDITED = {"subtotal": 60, "shipping_amount": 5, "tax_amount": 0, "grand_total": 0}


@pytest.mark.parametrize(
    "credit",
    [
        {"extension_attributes": {"gift_cards_amount": 65}},
        {"gift_cards_amount": "60.0000", "customer_balance_amount": "5.0000"},
        {"extension_attributes": {"reward_currency_amount": 65}},
    ],
)
def test_an_order_paid_by_credits_is_worth_what_was_ordered(credit):
    notes: list[str] = []
    assert amount_of(CREDITED | credit, "total_with_credits", "order", notes) == 65
    assert not notes
    assert amount_of(CREDITED | credit, "grand_total", "order", notes) == 0


def test_totals_that_do_not_add_up_and_a_missing_one_are_noted():
    notes: list[str] = []
    amount_of(ORDER | {"grand_total": 75.92}, *POLICY, notes)
    amount_of({"status": "complete"}, *POLICY, notes)
    amount_of({"status": "complete"}, "paid_minus_refunded", "order", notes)
    assert [note.split(":")[1][:25] for note in notes] == [
        " grand_total is 2.50 more",
        " the event states no gran",
        " the event states neither",
    ]
    assert amount_of({"total_refunded": 3}, "paid_minus_refunded", "order", []) is None


@pytest.mark.parametrize("unread", ["1,234.50", "20,00", {"value": 20}, "n/a", "NaN", 1e300])
@pytest.mark.parametrize(
    ("policy", "name"),
    [
        ("paid_minus_refunded", "total_paid"),
        ("paid_minus_refunded", "total_refunded"),
        ("total_minus_canceled_and_refunded", "grand_total"),
        ("total_minus_canceled_and_refunded", "total_canceled"),
        ("total_with_credits", "grand_total"),
    ],
)
def test_a_part_of_the_amount_that_cannot_be_read_is_never_counted_as_nothing(policy, name, unread):
    notes: list[str] = []
    order = {"grand_total": 86, "total_paid": 86, name: unread}
    assert amount_of(order, policy, "order", notes) is None
    assert notes == [f"$amount: {name} is no amount of money, left out"]


@pytest.mark.parametrize("quantity", [10**18, "1e18", 10**23, -(10**20), "0.000000000001", 1e300])
def test_no_quantity_is_too_large_to_be_read(quantity):
    item = ORDER["items"][0] | {"qty_ordered": quantity}
    document = Document("saved", Kind.ORDER, "7", ORDER | {"items": [item]}, "")
    for name in ("off", "opportunity"):
        mapping = Mapping.load()
        if name != "off":
            mapping = Mapping.parse(
                f"line_items: {name}\norder:\n  rows:\n    - sobject: Opportunity\n"
                "      external_id: K__c\n      fields: {K__c: $key, Name: $key, "
                "StageName: {value: P}, CloseDate: {value: 2026-01-01}}"
            )
        mapping.apply(document, received_at_ms=1_772_600_000_000)


@pytest.mark.parametrize("count", [520, 1_200])
def test_a_description_is_cut_at_whole_lines_and_says_how_many_are_missing(count):
    item = ORDER["items"][0]
    rows = [item | {"item_id": n, "sku": f"SKU-{n:05d}", "name": "Ĝ𝄞" * 10} for n in range(count)]
    document = Document("saved", Kind.ORDER, "7", ORDER | {"items": rows}, "")
    mapped = Mapping.load().apply(document, received_at_ms=1_772_600_000_000)
    text = mapped.rows[-1].whole["Description"]
    lines = text.split("\n")
    assert utf16_length(text) <= 32_000
    whole = [line for line in lines if line.endswith("Qty: 3)")]
    if len(whole) < count:
        assert lines[-1] == f"… and {count - len(whole)} more lines"
        assert any("lines fit" in note for note in mapped.notes)
    assert len(whole) == len(lines) - (len(whole) < count)


@pytest.mark.parametrize(
    ("code", "total", "amount"),
    [
        ("KWD", "12.3450", 12.345),
        ("KWD", 12.345, 12.345),
        ("kwd", "12.3456", 12.346),
        ("TND", 12, 12.0),
        ("USD", "12.3450", 12.35),
        (None, "12.3450", 12.35),
        ([], "12.3450", 12.35),
    ],
)
def test_an_amount_keeps_the_decimals_of_its_currency(code, total, amount):
    """The org stores what the API says; 5 fils more or less are another amount."""
    order = ORDER | {"grand_total": total, "order_currency_code": code}
    document = Document("saved", Kind.ORDER, "7", order, "")
    text = default_text()
    for target in ("opportunity", "lead"):
        mapping = Mapping.parse(text.replace("target: opportunity", f"target: {target}", 1))
        mapped = mapping.apply(document, received_at_ms=1_772_600_000_000)
        if target == "opportunity":
            assert mapped.rows[-1].whole["Amount"] == amount
            assert type(mapped.rows[-1].whole["Amount"]) is float
            is_noted = any("Amount: rounded to" in note for note in mapped.notes)
            assert is_noted == (Decimal(str(total)) != Decimal(str(amount)))


@pytest.mark.parametrize("policy", ["paid_minus_refunded", "total_with_credits"])
def test_every_policy_keeps_them_and_the_base_currency_has_its_own(policy):
    order = ORDER | {
        "order_currency_code": "KWD",
        "base_currency_code": "USD",
        "base_grand_total": 40.1234,
        "grand_total": "12.3450",
        "total_paid": "12.3450",
        "base_total_paid": 40.1234,
    }
    document = Document("saved", Kind.ORDER, "7", order, "")
    text = default_text().replace("policy: grand_total", f"policy: {policy}", 1)
    for currency, amount in (("order", 12.345), ("base", 40.12)):
        used = text.replace("currency: order", f"currency: {currency}", 1)
        mapped = Mapping.parse(used).apply(document, received_at_ms=1_772_600_000_000)
        assert mapped.rows[-1].whole["Amount"] == amount


@pytest.mark.parametrize("total", [73.420000000000002, 0.1 + 0.2, "34.0000", 34])
def test_what_phps_floats_are_off_by_is_no_rounding(total):
    document = Document("saved", Kind.ORDER, "7", ORDER | {"grand_total": total}, "")
    notes = Mapping.load().apply(document, received_at_ms=1_772_600_000_000).notes
    assert not any("rounded" in note for note in notes)


def test_lines_are_in_cents_and_say_so():
    notes: list[str] = []
    order_lines(ORDER | {"grand_total": "73.4250"}, "7", POLICY, notes)
    assert any("more decimals than its currency" in note for note in notes)


NO_CHARGES = {"shipping_amount": 0, "tax_amount": 0, "discount_amount": 0}
DINARS = {"order_currency_code": "KWD", "grand_total": "12.3450", "subtotal": "12.3450"}


@pytest.mark.parametrize(
    ("quantity", "prices"),
    [
        *((3, [4.115]), ("3.0000", [4.115]), (2, [6.173, -0.001]), (7, [1.764, -0.003])),
        *(("2.0000", [6.173, -0.001]), (2.0, [6.173, -0.001])),
    ],
)
def test_lines_of_dinars_are_in_thousandths(quantity, prices):
    row = {"item_id": 1, "sku": "A", "qty_ordered": quantity, "row_total": "12.3450"}
    document = Document(
        "saved", Kind.ORDER, "7", ORDER | DINARS | {"items": [row], **NO_CHARGES}, ""
    )
    text = default_text().replace("line_items: off", "line_items: opportunity", 1)
    mapped = Mapping.parse(text).apply(document, received_at_ms=1_772_600_000_000)
    lines = [row for row in mapped.rows if row.sobject == "OpportunityLineItem"]
    assert [line.whole["UnitPrice"] for line in lines] == prices
    total = sum(
        Decimal(str(x.whole["UnitPrice"])) * Decimal(str(x.whole["Quantity"])) for x in lines
    )
    assert total == Decimal("12.345")
    assert not any("more decimals" in note for note in mapped.notes)


@pytest.mark.parametrize(
    ("currency", "name"),
    [
        ("order", "shipping_discount_tax_compensation_amount"),
        ("base", "base_shipping_discount_tax_compensation_amnt"),  # Magento's own abbreviation
    ],
)
def test_a_total_with_a_discount_on_shipping_is_explained_in_both_currencies(
    currency: str, name: str
) -> None:
    prefix = "" if currency == "order" else "base_"
    parts = {"subtotal": 100, "shipping_amount": 10, "tax_amount": 20, "discount_amount": -6}
    order = {prefix + part: value for part, value in parts.items()} | {name: 1}
    for total, noted in ((125, 0), (124, 1)):
        notes: list[str] = []
        amount_of(order | {f"{prefix}grand_total": total}, "grand_total", currency, notes)
        assert len(notes) == noted
