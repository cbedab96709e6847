"""What a Magento order means: which rows are lines, what it is worth, in which currency.

Rows with a parent are the parts of a configurable or bundle and would be counted twice (magento
reference §2.4). A row saved before the order's commit has no ids yet (§1.1), so the parent is
looked for in three places.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from agents.mapping.fields.values import Thousandths, decimal_of, text_of

POLICIES = (
    "grand_total",
    "paid_minus_refunded",
    "total_minus_canceled_and_refunded",
    "total_with_credits",
)
# What a buyer pays with besides money: gift cards, store credit, reward points (Adobe Commerce).
CREDITS = ("gift_cards_amount", "customer_balance_amount", "reward_currency_amount")
# What a grand total is made of; `discount_amount` is negative, credits are taken off.
PARTS = (
    *("subtotal", "shipping_amount", "tax_amount", "discount_amount"),
    *("discount_tax_compensation_amount", "shipping_discount_tax_compensation_amount"),
)
NEEDED_PARTS = 3  # of them: the first
OFF_BY = Decimal("0.05")  # roundings of rows and taxes
SURELY_OFF_BY = 0.04  # in floats, which are exact enough up to the most
MOST_IN_FLOATS = 1e10
CURRENCIES = ("order", "base")
NO_ID = (None, 0, "", "0")
PREFIXES = {"order": "", "base": "base_"}
CURRENCY_KEYS = {"": "order_currency_code", "base_": "base_currency_code"}
# Magento's column of it is called so, and REST's field.
SHORTENED = {
    f"base_{PARTS[-1]}": "base_shipping_discount_tax_compensation_amnt",
}
PART_KEYS, CREDIT_KEYS = (
    {
        prefix: tuple(SHORTENED.get(prefix + name, prefix + name) for name in names)
        for prefix in CURRENCY_KEYS
    }
    for names in (PARTS, CREDITS)
)
NOT_STATED = (None, "")
THREE_DECIMALS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))  # ISO 4217


def visible_items(order: dict[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    """Return the rows that are lines, as Magento's getAllVisibleItems() does."""
    items = order.get("items")
    if not isinstance(items, list):
        return []
    rows = [item for item in items if isinstance(item, dict)]
    ids = {text_of(row.get("item_id")) for row in rows}
    visible = [row for row in rows if not _has_parent(row) or _is_orphan(row, ids)]
    if any(map(_has_parent, visible)):
        notes.append("items: rows whose parent is not among them are listed as lines")
    if any(row.get("item_id") in NO_ID for row in rows):
        visible = _without_variants(visible)
        if any(_type(row) == "bundle" for row in visible) and len(visible) > 1:
            notes.append("items: saved before commit, without ids: parts of a bundle may be listed")
    return visible


def _has_parent(row: dict[str, Any]) -> bool:
    return (
        row.get("parent_item_id") not in NO_ID
        or bool(row.get("parent_item"))
        or row.get("quote_parent_item_id") not in NO_ID
    )


def _is_orphan(row: dict[str, Any], ids: set[str]) -> bool:
    """Whether a row's parent is surely not among the rows: nothing else would stand for it."""
    is_told_otherwise = row.get("parent_item") or row.get("quote_parent_item_id") not in NO_ID
    has_ids = ids.isdisjoint(("", "0"))
    return has_ids and not is_told_otherwise and text_of(row.get("parent_item_id")) not in ids


def _without_variants(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the variants of configurables that have no ids yet: each has its parent's SKU.

    A variant may carry a price (magento2 #22562) but no total of its own, and follows its parent.
    The same product bought alone has a total: it is a line.
    """
    open_skus: Counter[str] = Counter()
    kept: list[dict[str, Any]] = []
    for row in rows:
        sku = text_of(row.get("sku"))
        if _type(row) == "configurable":
            open_skus[sku] += 1
        elif sku and open_skus[sku] and not (_price(row) and _total(row)):
            open_skus[sku] -= 1
            continue
        kept.append(row)
    return kept


def _type(row: dict[str, Any]) -> str:
    return text_of(row.get("product_type"))


def _price(row: dict[str, Any]) -> bool:
    return bool(decimal_of(row.get("price")))


def _total(row: dict[str, Any]) -> bool:
    return "row_total" not in row or bool(decimal_of(row["row_total"]))


def amount_of(
    order: dict[str, Any], policy: str, currency: str, notes: list[str]
) -> float | str | None:
    """Return what the order is worth by the mapping's `amount:` policy; None when it cannot say.

    | policy | is |
    |---|---|
    | `grand_total` | what was ordered, whatever became of it |
    | `paid_minus_refunded` | what was earned so far |
    | `total_minus_canceled_and_refunded` | what can still be earned |
    | `total_with_credits` | what was ordered, paid by gift card, credit or points included |

    The second and third count a missing total as 0 (an order nobody paid has no `total_paid`), if
    the order states its totals at all; one that is no number makes the whole none.
    """
    wanted, prefix = PREFIXES[currency], prefix_of(order, policy, currency)
    if prefix != wanted:
        notes.append(f"$amount: {wanted}grand_total is missing, used {prefix}grand_total")
    total: Any = order.get(f"{prefix}grand_total")
    if policy == "paid_minus_refunded":
        whole = f"{prefix}total_paid"
        if total in NOT_STATED and order.get(whole) in NOT_STATED:
            notes.append(f"$amount: the event states neither {whole} nor {prefix}grand_total")
            return None
        return _difference(order, notes, whole, f"{prefix}total_refunded")
    if total in NOT_STATED or isinstance(total, bool):
        notes.append(f"$amount: the event states no {prefix}grand_total")
        return None
    _note_sum(order, prefix, notes)
    if policy == "total_minus_canceled_and_refunded":
        lost = (f"{prefix}total_canceled", f"{prefix}total_refunded")
        return _difference(order, notes, f"{prefix}grand_total", *lost)
    if policy == "total_with_credits":
        paid = _difference(order, notes, f"{prefix}grand_total")
        return None if paid is None else float(Decimal(repr(paid)) + _credits(order, prefix))
    return total  # type: ignore[no-any-return]  # the document's own value


def prefix_of(order: dict[str, Any], policy: str, currency: str) -> str:
    """Return the prefix of the amounts that count: the other currency's where only it is stated."""
    wanted = PREFIXES[currency]
    other = "" if wanted else "base_"
    return other if not _states(order, policy, wanted) and _states(order, policy, other) else wanted


def is_amount_stated(order: dict[str, Any], policy: str, currency: str) -> bool:
    """Whether an order has what the policy counts, in the wanted currency."""
    return _states(order, policy, PREFIXES[currency])


def _states(order: dict[str, Any], policy: str, prefix: str) -> bool:
    if order.get(prefix + "grand_total") not in NOT_STATED:
        return True
    return policy == "paid_minus_refunded" and order.get(prefix + "total_paid") not in NOT_STATED


def _credits(order: dict[str, Any], prefix: str) -> Decimal:
    """Return what was paid by other means; REST has it in extension attributes."""
    more = order.get("extension_attributes")
    places = [order, more] if isinstance(more, dict) else [order]
    found = Decimal(0)
    for name in CREDITS:
        amounts = (decimal_of(place.get(prefix + name)) for place in places)
        amount = next((amount for amount in amounts if amount is not None), Decimal(0))
        found += amount if _is_amount(amount) else Decimal(0)
    return found


def _note_sum(order: dict[str, Any], prefix: str, notes: list[str]) -> None:
    """Note a total that its parts do not explain; a module's fee is no mistake, but is said."""
    if _is_surely_its_sum(order, prefix):
        return
    total = decimal_of(order.get(f"{prefix}grand_total"))
    parts = [decimal_of(order.get(name)) for name in PART_KEYS[prefix]]
    if total is None or None in parts[:NEEDED_PARTS]:
        return
    numbers = [number for number in parts if number is not None]
    if not all(_is_amount(number) for number in (total, *numbers)):
        return
    off = total - (sum(numbers, Decimal(0)) - _credits(order, prefix))
    if abs(off) > OFF_BY:
        notes.append(
            f"$amount: {prefix}grand_total is {off.quantize(Decimal('0.01'))} more than subtotal, "
            "shipping, tax and discount"
        )


def _is_surely_its_sum(order: dict[str, Any], prefix: str) -> bool:
    """Whether the parts surely are the total: in floats, a part of the cost, for nearly all."""
    more = order.get("extension_attributes")
    for name in CREDIT_KEYS[prefix]:
        if order.get(name) or (isinstance(more, dict) and more.get(name)):
            return False
    try:
        total = off = float(order.get(f"{prefix}grand_total") or 0)
        for name in PART_KEYS[prefix]:
            if part := order.get(name):
                off -= float(part)
    except (TypeError, ValueError, OverflowError):
        return False
    return abs(off) < SURELY_OFF_BY and abs(total) < MOST_IN_FLOATS


def _difference(order: dict[str, Any], notes: list[str], whole: str, *less: str) -> float | None:
    """Return one total minus others; None, with a note, when one of them is no amount of money."""
    found = Decimal(0)
    for name in (whole, *less):
        said = order.get(name)
        number = Decimal(0) if said in NOT_STATED else decimal_of(said)
        if number is None or not _is_amount(number):
            notes.append(f"$amount: {name} is no amount of money, left out")
            return None
        found += number if name == whole else -number
    return float(found)


def _is_amount(number: Decimal) -> bool:
    return number.adjusted() <= 20  # noqa: PLR2004 - Magento's decimal(20,4)


def has_thousandths(order: dict[str, Any], policy: str, currency: str) -> bool:
    """Whether the amount is in a currency of three decimals."""
    for code in (order.get("order_currency_code"), order.get("base_currency_code")):
        if type(code) is str and code.strip().upper() in THREE_DECIMALS:
            return currency_of(order, policy, currency) in THREE_DECIMALS
    return False


def in_its_digits(amount: Any, order: dict[str, Any], policy: str, currency: str) -> Any:
    """Return an amount, marked if its currency has three decimals."""
    if not has_thousandths(order, policy, currency):
        return amount
    number = decimal_of(amount)
    return amount if number is None else Thousandths(number)


def currency_of(order: dict[str, Any], policy: str, currency: str) -> str:
    """Return the three-letter code the amount is in, '' when the order does not say."""
    prefix = prefix_of(order, policy, currency)
    return text_of(order.get(CURRENCY_KEYS[prefix])).strip().upper()
