"""Fields that are texts or numbers, and come as something else: PHP's `false`, an object, a list.

| the value | is read as |
|---|---|
| `false` | nothing: what PHP answers for a value that is not there |
| an object with a `value`, `code` or `name`, a text node of XML, a list of one | that |
| `null`, `undefined`, `NaN`, `[object Object]` as texts | nothing, with a note |
| another object or list, `true` | nothing, with a note |

Only fields whose meaning is known: a module's own may be flags or objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.texts import UNSAID

PLAIN = frozenset((str, int, float, type(None)))
INNER = ("value", "code", "name", "#text", "_text", "__text", "$t", "_")
PERSON = ("firstname", "middlename", "lastname", "prefix", "suffix")
OF_ADDRESS = (*PERSON, "company", "city", "postcode", "telephone", "email")
OF_ORDER = (
    *("customer_email", "customer_firstname", "customer_lastname", "state", "status"),
    *("grand_total", "base_grand_total", "order_currency_code"),
)
OF_CUSTOMER = PERSON
OF_ROW = ("name", "sku", "qty_ordered")


def are_plain(level: dict[str, Any], names: Iterable[str]) -> bool:
    """Whether fields are texts or numbers already: asked of every order, so without a generator."""
    value_of = level.get
    for name in names:
        value = value_of(name)
        if type(value) not in PLAIN or value in UNSAID:
            return False
    return True


def plain_texts(level: dict[str, Any], names: Iterable[str], notes: list[str]) -> dict[str, Any]:
    """Return a level whose fields are texts or numbers, itself when they are."""
    changed = {
        name: _plain(level[name], name, notes)
        for name in names
        if type(value := level.get(name)) not in PLAIN or value in UNSAID
    }
    return {**level, **changed} if changed else level


def form_of(value: Any) -> str:
    """Return what a value is, in words."""
    forms = {dict: "an object", list: "a list", str: "a text", bool: "a flag"}
    return forms.get(type(value), "a number")


def _plain(value: Any, name: str, notes: list[str]) -> Any:
    if value is False or value in ({}, []):
        return None
    if isinstance(value, str):
        notes.append(f"{name}: `{value}` says nothing, left out")
        return None
    inner = value[0] if isinstance(value, list) and len(value) == 1 else None
    if isinstance(value, dict):
        inner = next((value[part] for part in INNER if value.get(part)), None)
    if inner is None or isinstance(inner, bool) or type(inner) not in PLAIN:
        notes.append(f"{name}: {form_of(value)} cannot be read as a value, left out")
        return None
    return inner
