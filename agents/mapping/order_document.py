"""What a Magento order means: which rows are lines, what it is worth, in which currency.

Rows with a parent are the parts of a configurable or bundle and would be counted twice (magento
reference §2.4). A row saved before the order's commit has no ids yet (§1.1), so the parent is
looked for in three places.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from agents.mapping.values import decimal_of, text_of

POLICIES = ("grand_total", "paid_minus_refunded", "total_minus_canceled_and_refunded")
CURRENCIES = ("order", "base")
NO_ID = (None, 0, "", "0")
CURRENCY_KEYS = {"order": "order_currency_code", "base": "base_currency_code"}


def visible_items(order: dict[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    """Return the rows that are lines, as Magento's getAllVisibleItems() does."""
    items = order.get("items")
    if not isinstance(items, list):
        return []
    rows = [item for item in items if isinstance(item, dict)]
    visible = [row for row in rows if not _has_parent(row)]
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


def _without_variants(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the variants of configurables that have no ids yet: each has its parent's SKU.

    A variant may carry a price (magento2 #22562) but no total of its own, and follows its parent.
    The same product bought alone has a total: it is a line.
    """
    open_skus: set[str] = set()
    kept: list[dict[str, Any]] = []
    for row in rows:
        sku = text_of(row.get("sku"))
        if _type(row) == "configurable":
            open_skus.add(sku)
        elif sku and sku in open_skus and not (_price(row) and _total(row)):
            open_skus.discard(sku)
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

    The last two count a missing total as 0: an order nobody paid has no `total_paid`.
    """
    prefix = "base_" if currency == "base" else ""
    total: Any = order.get(f"{prefix}grand_total")
    if policy == "paid_minus_refunded":
        return _difference(order, f"{prefix}total_paid", f"{prefix}total_refunded")
    if total is None or total == "":
        other = "grand_total" if prefix else "base_grand_total"
        total = order.get(other)
        if total is not None:
            notes.append(f"$amount: {prefix}grand_total is missing, used {other}")
            prefix = "" if prefix else "base_"
    if policy == "total_minus_canceled_and_refunded" and total is not None:
        lost = (f"{prefix}total_canceled", f"{prefix}total_refunded")
        return _difference(order, f"{prefix}grand_total", *lost)
    return total  # type: ignore[no-any-return]


def _difference(order: dict[str, Any], whole: str, *less: str) -> float | None:
    """Return one total minus others; None when one of them is no amount of money."""
    first, *rest = (decimal_of(order.get(name)) or Decimal(0) for name in (whole, *less))
    if not all(_is_amount(number) for number in (first, *rest)):
        return None
    return float(first - sum(rest, Decimal(0)))


def _is_amount(number: Decimal) -> bool:
    return number.adjusted() <= 20  # noqa: PLR2004 - Magento's decimal(20,4)


def currency_of(order: dict[str, Any], currency: str) -> str:
    """Return the three-letter code the amount is in, '' when the order does not say."""
    return text_of(order.get(CURRENCY_KEYS[currency])).strip().upper()
