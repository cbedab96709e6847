"""Paths into a Magento document, and into what is known besides it.

grand_total                              a key of the order (of the item, inside `each`)
billing_address.street                   nested
extension_attributes.shipping_assignments[0].shipping.address.city
addresses[address_type=billing].city     the list entry whose key has that value
email                                    a named value of `values:`, when one is defined above
$key                                     what orderstream knows: see `BUILT_IN`
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from agents.mapping.fields.values import is_blank, text_of, yes_or_no
from agents.mapping.order_document import (
    PREFIXES,
    amount_of,
    currency_of,
    in_its_digits,
    is_amount_stated,
    prefix_of,
    visible_items,
)
from agents.mapping.scope import UNSET, Getter, Scope
from schemas.document.spellings import DEFAULT_FLAGS
from schemas.texts import identifier

# A named value's place in the scope's cache, and how it is computed.
Named = Mapping[str, tuple[int, Getter]]

PathStep = str | int | tuple[str, str]

ATTRIBUTE = "attribute_code"
SEGMENT = re.compile(r"([\w$-]+)((?:\[[^\[\]]*\])*)")
SELECTOR = re.compile(r"\[([^\[\]]*)\]")


class PathError(ValueError):
    """The text is no path; the message shows how one is written."""


def _amount(scope: Scope) -> Any:
    facts = scope.facts
    order = facts.document.entity
    facts.is_unsaid = facts.is_unsaid or not is_amount_stated(order, *facts.amount)
    return in_its_digits(amount_of(order, *facts.amount, facts.notes), order, *facts.amount)


def _currency(scope: Scope) -> Any:
    """Return the amount's currency; one of an amount that is only for a new record is that, too."""
    facts = scope.facts
    order = facts.document.entity
    is_other = prefix_of(order, *facts.amount) != PREFIXES[facts.amount[1]]
    facts.is_unsaid = facts.is_unsaid or is_other
    return currency_of(order, *facts.amount)


def _visible_items(scope: Scope) -> Any:
    return visible_items(scope.facts.document.entity, scope.notes)


BUILT_IN: dict[str, Getter] = {
    "$key": lambda scope: scope.facts.document.external_id or scope.facts.document.key,
    "$customer_key": lambda scope: scope.facts.customer_key,
    "$event": lambda scope: scope.facts.document.event,
    "$received_at": lambda scope: scope.facts.received_at,
    "$amount": _amount,
    "$currency": _currency,
    "$visible_items": _visible_items,
    "$default_address": lambda scope: default_address(scope.facts.document.entity),
}


def compile_path(text: str, named: Named) -> Getter:
    """Return the function that reads a path from a scope; raises PathError.

    It returns None where the path leads nowhere, whatever the document looks like. Where there is
    something in a form that the path cannot enter, it says so.
    """
    steps = _steps(text)
    first, rest = steps[0], tuple(steps[1:])
    assert isinstance(first, str)
    if first.startswith("$"):
        if first not in BUILT_IN:
            raise PathError(f"`{first}` is not known; there are {', '.join(BUILT_IN)}")
        start = BUILT_IN[first]
    elif first in named:
        start = cached(*named[first])
        if len(rest) == 1 and isinstance(rest[0], str):
            return _key_of_named(*named[first], rest[0], text)
    else:
        start = _key(first)
    return (lambda scope: _follow(start(scope), rest, text, scope)) if rest else start


def _key(name: str) -> Getter:
    return lambda scope: scope.root.get(name)


def cached(index: int, compute: Getter) -> Getter:
    """Return the getter of a named value: computed at its first use in a scope."""

    def get(scope: Scope) -> Any:
        value = scope.cache[index]
        # Asked for by several fields: a call less each time.
        return scope.named(index, compute) if value is UNSET else value

    return get


def _key_of_named(index: int, compute: Getter, key: str, text: str) -> Getter:
    """`billing.city` and its like: half of all paths, so they cost one call instead of two."""

    def read(scope: Scope) -> Any:
        value = scope.cache[index]
        if value is UNSET:
            value = scope.named(index, compute)
        if type(value) is dict:
            return value.get(key)
        return None if value is None else _misread(value, key, text, scope)

    return read


def compile_emptiness(text: str, named: Named) -> Callable[[Scope], bool]:
    """Return the test whether a document says that there is nothing at a path; raises PathError.

    It does when what would hold the value is there: a billing address without a company has none,
    as REST leaves out what is null. An order without a billing address says nothing of a company.
    """
    *holder, last = _parts(text)
    if not holder:
        return lambda scope: last in scope.root
    read = compile_path(".".join(holder), named)

    def is_empty(scope: Scope) -> bool:
        has_no_address = scope.facts.document.entity.get("addresses") in ([], {})
        return has_no_address or isinstance(read(scope), dict)

    return is_empty


def _follow(value: Any, steps: tuple[PathStep, ...], text: str, scope: Scope) -> Any:
    for step in steps:
        if isinstance(step, str):
            if isinstance(value, list) and _are_attributes(value):
                value = {row[ATTRIBUTE]: row.get("value") for row in value}
            if not isinstance(value, dict):
                return _misread(value, step, text, scope)
            value = value.get(step)
        else:
            rows = _rows(value, step)
            if rows is None:
                return _misread(value, step, text, scope)
            value = _pick(rows, step)
        if value is None:
            return None
    return value


def _rows(value: Any, step: int | tuple[str, str]) -> list[Any] | None:
    """Return a list, or the rows of an object that is keyed by their ids or by what is asked for.

    EAV attributes are a list in REST, `{"sales_rep": "R7"}` or `{"sales_rep": {…}}` in raw events.
    """
    if not isinstance(value, dict):
        return value if isinstance(value, list) else None
    if value and all(key.isdecimal() for key in value):
        return list(value.values())
    if isinstance(step, int):
        return None
    key, wanted = step
    found = value.get(wanted)
    if found is None:
        return [] if key == ATTRIBUTE or wanted in value else None
    return [{key: wanted, **(found if isinstance(found, dict) else {"value": found})}]


def _are_attributes(rows: list[Any]) -> bool:
    return bool(rows) and all(
        isinstance(row, dict) and isinstance(row.get(ATTRIBUTE), str) for row in rows
    )


def _pick(rows: list[Any], step: int | tuple[str, str]) -> Any:
    if isinstance(step, int):
        return rows[step] if -len(rows) <= step < len(rows) else None
    return next((row for row in rows if _has(row, *step)), None)


def _misread(value: Any, step: PathStep, text: str, scope: Scope) -> None:
    """Note that a path meets a form it cannot enter; nothing at all is no form."""
    if is_blank(value):
        return
    forms: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}
    form = forms.get(type(value), "a number")
    wanted = f"`{step}` of" if isinstance(step, str) else "a row of"
    scope.facts.misread.append(f"{text}: {wanted} {form} cannot be read, left out")


def _has(entry: Any, key: str, expected: str) -> bool:
    return isinstance(entry, dict) and equals(entry.get(key), expected)


def equals(value: Any, expected: str) -> bool:
    """Whether a value is what a rule says: text without case, numbers and flags by meaning."""
    if isinstance(value, bool):
        return yes_or_no(expected) is value
    text = text_of(value).strip().casefold()
    wanted = expected.strip().casefold()
    if text == wanted or wanted not in ("true", "false", "yes", "no"):
        return text == wanted
    return yes_or_no(text) is yes_or_no(wanted)


def _steps(text: str) -> list[str | int | tuple[str, str]]:
    steps: list[str | int | tuple[str, str]] = []
    for part in _parts(text):
        match = SEGMENT.fullmatch(part)
        if match is None:
            raise PathError(
                f"`{text}` is not a path; write `billing_address.city`, `street[0]` or "
                "`addresses[address_type=billing].city`"
            )
        steps.append(match[1])
        steps += [_selector(inner, text) for inner in SELECTOR.findall(match[2])]
    return steps


def _parts(text: str) -> list[str]:
    """Split at dots outside of brackets."""
    return re.split(r"\.(?![^\[]*\])", text.strip())


def _selector(inner: str, text: str) -> int | tuple[str, str]:
    if re.fullmatch(r"-?\d{1,6}", inner):
        return int(inner)
    key, separator, value = inner.partition("=")
    if not separator or not key.strip():
        raise PathError(f"`{text}`: write `[0]` or `[key=value]` between the brackets")
    return key.strip(), value.strip()


BILLING, _ = DEFAULT_FLAGS


def default_address(customer: dict[str, Any]) -> dict[str, Any] | None:
    """Return the default billing address; the first one when the customer names none.

    A shipping address may be somebody else's: it stands in only where no billing address is named.
    """
    rows = customer.get("addresses")
    addresses = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    flagged = next((row for row in addresses if yes_or_no(row.get(BILLING))), None)
    if flagged is not None or not addresses:
        return flagged
    return None if identifier(customer.get(BILLING)) else addresses[0]
