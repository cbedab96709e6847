"""How the platform compares and sorts values.

Text without case; null equals nothing but null; `<` and `>` never match null.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.salesforce.query.soql import Order
from sandbox.salesforce.records.records import index_key

Values = dict[str, Any]
Getter = Callable[[Values], Any]


def sort_rows(rows: list[Values], getter: Getter, order: Order) -> list[Values]:
    """Return the rows in order; nulls come first unless the query says last."""
    empty = [row for row in rows if getter(row) is None]
    filled = [row for row in rows if getter(row) is not None]
    filled.sort(key=lambda row: index_key(getter(row)), reverse=order.is_descending)
    return filled + empty if order.are_nulls_last else empty + filled


def comparer(operator: str, wanted: Any) -> Callable[[Any], bool]:
    """Return the test of one comparison, e.g. `comparer(">", 3)(4)` is true."""
    if operator in ("IN", "NOT IN"):
        keys = {index_key(value) for value in wanted}
        is_in = operator == "IN"
        return lambda value: (index_key(value) in keys) is is_in
    if operator == "LIKE":
        pattern = _like(str(wanted))
        return lambda value: value is not None and pattern.fullmatch(str(value)) is not None
    key = index_key(wanted)
    if operator == "=":
        return lambda value: bool(index_key(value) == key)
    if operator == "!=":
        return lambda value: bool(index_key(value) != key)
    ordered = _ORDERED[operator]
    return lambda value: value is not None and key is not None and ordered(index_key(value), key)


_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    ">": lambda a, b: bool(a > b),
    "<=": lambda a, b: bool(a <= b),
    ">=": lambda a, b: bool(a >= b),
}


def _like(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a LIKE pattern: `%` any text, `_` any character."""
    parts = {"%": ".*", "_": "."}
    text = "".join(parts.get(char, re.escape(char)) for char in pattern)
    return re.compile(text, re.IGNORECASE | re.DOTALL)
