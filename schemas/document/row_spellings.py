"""PHP's and XML's spellings of rows, read into a list.

| the value | its rows |
|---|---|
| an object keyed by ids, or by the one name of XML's rows | its values |
| a search result of REST | its `items` |
| one row | that |
| a JSON text, a list of them, lists in a list | what is in them |

How many were ordered is `qty_ordered`; carts and modules of their own call it `qty` or `quantity`,
and GraphQL `quantity_ordered`, beside a `product_sku`, `product_name` and `product_sale_price`.
"""

from __future__ import annotations

from typing import Any

from schemas.document.text_spellings import OF_ROW, are_plain, plain_texts
from schemas.document.unwrapping import opened
from schemas.texts import text_of

Rows = list[dict[str, Any]]

QUANTITY = "qty_ordered"
OTHER_QUANTITIES = ("qty", "quantity", "quantity_ordered", "ordered_qty")
# GraphQL's names, of rows whose quantity has another name, too.
OTHER_PARTS = {"sku": "product_sku", "name": "product_name", "price": "product_sale_price"}
ROW_IDS = ("id", "entity_id", "address_id", "customer_address_id")
ROW_MARKS = ("qty_ordered", "item_id", "sku")


def rows_of(value: Any) -> Rows | None:
    """Return rows as a list; None for what holds none."""
    value = opened(value)
    if isinstance(value, dict):
        value = _listed(value)
    if not isinstance(value, list):
        return None
    if all(type(row) is dict for row in value):
        return value
    entries = [row for entry in value for row in (entry if isinstance(entry, list) else [entry])]
    return [row for entry in entries if isinstance(row := opened(entry), dict)] or None


def are_plain_rows(rows: list[Any]) -> bool:
    """Whether rows of an order are in REST's form: asked of every order, so without a generator."""
    for row in rows:
        if type(row) is not dict or row.get(QUANTITY) in (None, "") or not are_plain(row, OF_ROW):
            return False
    return True


def plain_rows(rows: list[Any], notes: list[str]) -> list[Any]:
    """Return rows of an order in REST's form, without those that are empty."""
    return [_plain_row(row, notes) if isinstance(row, dict) else row for row in rows if row != {}]


def _plain_row(row: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    if _is_missing(row.get(QUANTITY)):
        others = (row[name] for name in OTHER_QUANTITIES if not _is_missing(row.get(name)))
        if (found := next(others, None)) is not None:
            row = {**row, QUANTITY: found}
        row = row | {
            part: _amount(row[name])
            for part, name in OTHER_PARTS.items()
            if name in row and _is_missing(row.get(part))
        }
    return plain_texts(row, OF_ROW, notes)


def _amount(value: Any) -> Any:
    """Return what GraphQL's money is worth; its currency is the order's."""
    return value.get("value") if isinstance(value, dict) else value


def _is_missing(value: Any) -> bool:
    return value is None or value is False or value == ""


def is_hollow(value: Any) -> bool:
    """Whether nothing is said: json_encode writes `{}` for each object, and for the rows `[{}]`."""
    if isinstance(value, dict | list):
        return all(map(is_hollow, value.values() if isinstance(value, dict) else value))
    return value is None or value == ""


def _listed(value: dict[str, Any]) -> Rows | None:
    nested = value.get("items")
    if isinstance(nested, list) or (isinstance(nested, dict) and len(value) <= 2):  # noqa: PLR2004 - a search result
        return rows_of(nested)
    if any(type(value.get(mark)) in (str, int, float) for mark in ROW_MARKS):
        return [value]
    entries = [opened(entry) for name, entry in value.items() if not name.startswith("@")]
    if len(entries) == 1 and isinstance(entries[0], list):
        return rows_of(entries[0])
    rows = [entry for entry in entries if isinstance(entry, dict)]
    return rows if rows and len(rows) == len(entries) else None


def assigned_rows(order: dict[str, Any]) -> Rows:
    """Return the rows of an order's shipping assignments: REST writes them there, too."""
    more = order.get("extension_attributes")
    assignments = more.get("shipping_assignments") if isinstance(more, dict) else None
    return [
        row
        for assignment in rows_of(assignments) or []
        for row in rows_of(assignment.get("items")) or []
    ]


def row_id(row: Any) -> str:
    """Return the id of an address's row; '' for none."""
    if not isinstance(row, dict):
        return ""
    return next((found for name in ROW_IDS if (found := text_of(row.get(name)))), "")
