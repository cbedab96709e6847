"""Fields of an order that modules call otherwise, read where the order has not the field itself.

| field | also called |
|---|---|
| `status`, where there is no `state` either | `order_status`, `orderStatus`, `status_code` |
| `order_currency_code` | `currency_code`, `currency`, `order_currency`, if it is a code |
| `grand_total`, with its currency | `total.grand_total.value`: GraphQL |
| `created_at` | `order_date`: GraphQL |
"""

from __future__ import annotations

from typing import Any

from schemas.document.forms import scalar, word
from schemas.document.unwrapping import opened
from schemas.sender_clock import plain_time
from schemas.texts import text_of

Level = dict[str, Any]

STATUS = ("order_status", "orderStatus", "status_code", "statusCode")
CURRENCY = ("currency_code", "currencyCode", "currency", "order_currency", "orderCurrencyCode")
CODE_LETTERS = 3


def spell_words(order: Level, changed: Level, notes: list[str]) -> None:
    """Read the status and the currency of an order where it calls them otherwise."""
    _read_graphql(order, changed, notes)
    said = order | changed
    if not said.get("state") and not said.get("status"):
        _read(order, changed, "status", [name for name in STATUS if word(order.get(name))], notes)
    if not said.get("order_currency_code"):
        codes = [name for name in CURRENCY if _is_code(text_of(order.get(name)))]
        _read(order, changed, "order_currency_code", codes, notes)


def _read_graphql(order: Level, changed: Level, notes: list[str]) -> None:
    """Read the total and the day of an order as GraphQL writes them."""
    total = opened(order.get("total"))
    money = total.get("grand_total") if isinstance(total, dict) else None
    if (
        isinstance(money, dict)
        and scalar(money.get("value"))
        and not scalar(order.get("grand_total"))
    ):
        changed["grand_total"] = money["value"]
        notes.append("grand_total: read in `total` of the order")
        if _is_code(text_of(money.get("currency"))) and not order.get("order_currency_code"):
            changed["order_currency_code"] = money["currency"]
    if text_of(order.get("order_date")) and not order.get("created_at"):
        changed["created_at"] = plain_time(order["order_date"]) or order["order_date"]


def _read(order: Level, changed: Level, field: str, names: list[str], notes: list[str]) -> None:
    for name in names[:1]:
        changed[field] = order[name]
        notes.append(f"{field}: read in `{name}` of the order")


def _is_code(text: str) -> bool:
    return len(text) == CODE_LETTERS and text.isascii() and text.isalpha()
