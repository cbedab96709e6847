"""The forms that a mark of a document has: a text, a number, a list.

A mark counts when its field has its form (`schemas.document.shape`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.texts import text_of

Form = Callable[[Any], bool]


def scalar(value: Any) -> bool:
    """Whether there is a text, a number or a flag."""
    return value is not None and value != "" and not isinstance(value, dict | list)


def text(value: Any) -> bool:
    """Whether there is an id or a text that is more than blanks."""
    return bool(text_of(value))


def word(value: Any) -> bool:
    """Whether there is a text that is no number: an order's state, not an invoice's."""
    return isinstance(value, str) and bool(value.strip()) and not value.strip().isdecimal()


def nested(value: Any) -> bool:
    """Whether there is a list, an object, or one of them as a JSON text."""
    return isinstance(value, dict | list) or (
        isinstance(value, str) and value.lstrip()[:1] in ("{", "[") and bool(value)
    )


def order_rows(value: Any) -> bool:
    """Whether there are rows of an order, in a list or keyed by their ids."""
    rows = list(value.values()) if isinstance(value, dict) else value
    return isinstance(rows, list) and any(
        isinstance(row, dict) and ("qty_ordered" in row or "item_id" in row) for row in rows
    )
