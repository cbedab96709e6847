"""An order in other words: modules and flows that call its number and its total as they like.

It is not read, because nobody knows which of its numbers is Magento's; but under a name that nobody
knows it is refused and rings, where a quiet 200 would lose it.

| a body has | it is perhaps an order |
|---|---|
| an order's number and a grand total | always |
| an order's number, and any total | if no invoice, return or the like has an id there |
| an `order_id` or `id_order`, any total, and a buyer, a status or rows | the same |
| an object `order` with a grand total, or with any total, and a status, rows or a date | the same |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from schemas.document.shape import ORDER_WRAPPERS, SALES_DOCUMENT_WRAPPERS
from schemas.document.unwrapping import opened

Level = dict[str, Any]

# How else an order's number and its total are called, whatever stands before.
NUMBERS = (
    *("incrementid", "realorderid", "ordernumber", "orderno", "orderdate"),
    *("ordernr", "ordercode", "orderref", "orderreference"),
)
GRAND_TOTALS = ("grandtotal", "ordertotal")
TOTALS = (
    *("total", "totalprice", "totalamount", "ordervalue", "orderamount", "revenue"),
    *("totalincltax", "totalinctax", "totalgross", "grosstotal", "amounttotal"),
)
ORDER_IDS = frozenset(("orderid", "idorder"))
OF_AN_ORDER = ("email", "customer", "status", "orderstatus", "items", "lineitems", "products")
# What an object that is called `order` says besides its total, if it is one.
IN_AN_ORDER = frozenset(
    (
        *("status", "orderstatus", "items", "lineitems", "products"),
        *("currency", "currencycode", "createdat", "orderdate"),
    )
)
OF_ANOTHER = re.compile(
    r"(?:invoice|shipment|creditmemo|creditnote|refund|return|rma)"
    r"(?:id|no|number|nr|incrementid|entityid|date|total|amount)"
)
MAX_DEPTH = 4
MAX_KEYS = 500
NO_LETTERS = re.compile(r"[^a-z]")


def may_be_an_order(body: Level) -> bool:
    """Whether a body has an order's number and total, by names that are not read."""
    names = _names(_keys(body))
    is_numbered = any(name.endswith(NUMBERS) for name in names)
    if is_numbered and any(name.endswith(GRAND_TOTALS) for name in names):
        return True
    if any(map(OF_ANOTHER.fullmatch, names)):
        return False
    if any(_is_perhaps_one(opened(body.get(name))) for name in ORDER_WRAPPERS):
        return True
    is_told = ORDER_IDS & names and any(name.endswith(OF_AN_ORDER) for name in names)
    return (is_numbered or bool(is_told)) and _has_total(names)


def _is_perhaps_one(value: Any) -> bool:
    """Whether an object that is called `order` is one, by whatever its number is called."""
    if not isinstance(value, dict):
        return False
    names = _names(value)
    is_told = any(name.endswith(GRAND_TOTALS) for name in names) or bool(IN_AN_ORDER & names)
    return is_told and _has_total(names)


def _names(keys: Iterable[str]) -> set[str]:
    return {NO_LETTERS.sub("", key.lower()) for key in keys}


def _has_total(names: set[str]) -> bool:
    return any(name in TOTALS or name.endswith(GRAND_TOTALS) for name in names)


def _keys(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, list):
        value = {"": value[0]} if value else None
    if isinstance(value, dict) and depth < MAX_DEPTH:
        for key, inner in [*value.items()][:MAX_KEYS]:
            yield key
            if not key.startswith(SALES_DOCUMENT_WRAPPERS):
                yield from _keys(inner, depth + 1)
