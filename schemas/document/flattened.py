"""Flows' flattened keys read back into objects: `order.increment_id`, `order__items__0__sku`.

Zapier, Make, n8n and table exports know no objects. A key is taken apart only where its first part
is a wrapper or a part of an order that is not there itself, so no field of a document's own is.
"""

from __future__ import annotations

import re
from typing import Any

from schemas.document.unwrapping import WRAPPERS

Level = dict[str, Any]

SEPARATORS = re.compile(r"\.|__|/|\]\[|\[|\]")  # each begins with a letter: so a search can skip
# What of an order is an object or a list.
PARTS = ("items", "billing_address", "shipping_address", "addresses", "payment")
HEADS = frozenset((*WRAPPERS, *PARTS, "extension_attributes"))


def unflattened(body: Level) -> Level:
    """Return a body with its flattened keys as objects; lists become objects keyed by place."""
    if SEPARATORS.search(" ".join(body)) is None:  # of nearly every body: no key has one
        return body
    flat = dict.fromkeys(key for key in body if SEPARATORS.search(key))  # in order, found at once
    made: Level = {}
    left = {key: value for key, value in body.items() if key not in flat}
    for key in flat:
        head, *rest = [part for part in SEPARATORS.split(key) if part] or [key]
        if (
            head not in HEADS
            or head in left
            or not rest
            or not _put(made, [head, *rest], body[key])
        ):
            left[key] = body[key]
    return {**left, **made} if made else body


def _put(tree: Level, path: list[str], value: Any) -> bool:
    """Put a value where its path leads; False where something else is."""
    *parents, last = path
    for name in parents:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            return False
    return tree.setdefault(last, value) is value
