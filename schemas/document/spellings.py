"""PHP's spellings of one document, read into the one form that everything behind works on.

A store writes one thing in several ways: rows as a list, as an object keyed by their ids, or as a
JSON text; a region as a text or as an object; a default address as a flag on the row or as an id on
the customer; the addresses and items inside the order or beside it. REST's form is ours. A document
in that form already is returned as it is, which is nearly every one.

| field | also read |
|---|---|
| `items` of an order | object keyed by anything, JSON text, one row, a search result |
| `billing_address`, `shipping_address` of an order | `address_spellings`; beside it |
| `addresses` of an order | object keyed `billing`, `shipping`; beside the order |
| `increment_id` of an order | beside the order; an id with zeros before it |
| `created_at`, `updated_at` | PHP's DateTime as an object, a number since 1970 |
| `addresses` of a customer | object keyed by ids, JSON text, beside the customer |
| `default_billing`, `default_shipping` of a customer | an id: the row's flag; the address itself |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.document.address_spellings import (
    MARKS,
    by_other_names,
    is_address_of,
    is_plain,
    keyed,
    one_address,
    plain_address,
    typed_by_ids,
)
from schemas.document.buyer import is_buyer_beside, names_a_buyer, spell_buyer
from schemas.document.forms import scalar
from schemas.document.order_words import spell_words
from schemas.document.other_numbers import spell_number
from schemas.document.row_spellings import (
    are_plain_rows,
    assigned_rows,
    is_hollow,
    plain_rows,
    row_id,
    rows_of,
)
from schemas.document.text_spellings import OF_CUSTOMER, OF_ORDER, are_plain, form_of, plain_texts
from schemas.document.unwrapping import Found, opened
from schemas.event import Kind
from schemas.sender_clock import is_plain_time, plain_time
from schemas.texts import identifier

ADDRESSES = ("billing_address", "shipping_address")
# Field of a document → the names it goes by, inside or beside it.
ALIASES: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.ORDER: {
        "items": ("items", "order_items", "all_items", "visible_items", "line_items"),
        "addresses": ("addresses", "order_addresses"),
        "billing_address": ("billing_address", "billingAddress", "billing"),
        "shipping_address": ("shipping_address", "shippingAddress", "shipping"),
    },
    Kind.CUSTOMER: {"addresses": ("addresses", "customer_addresses")},
}
NONE = {Kind.ORDER: (None,)}  # `[]` is rows that were not loaded; a customer may have no address
BESIDE = frozenset(("shipping_address", "addresses", "order_addresses"))
TIMES = ("created_at", "updated_at")
# What an address is called that stands on the customer itself, not among the rows.
OWN_ADDRESSES = {
    "default_billing": ("default_billing", "default_billing_address", "billing_address"),
    "default_shipping": ("default_shipping", "default_shipping_address", "shipping_address"),
}
TEXTS = {Kind.ORDER: OF_ORDER, Kind.CUSTOMER: OF_CUSTOMER}
Form = tuple[dict[str, Any], list[str]]  # the document, and notes of what was read otherwise
MAX_READ_PAST = 10
ORDINARY = frozenset(("event", "order"))  # most bodies: nothing beside the order but its name
DEFAULT_FLAGS = ("default_billing", "default_shipping")
SET = (True, "1", "true")
OF_A_PERSON = {*OF_CUSTOMER, *DEFAULT_FLAGS}


def has_plain_number(order: dict[str, Any]) -> bool:
    """Whether an order's number is written as it is read, so that its form does not change it."""
    number = order.get("increment_id")
    return type(number) is str and bool(number) and identifier(number) == number


def in_one_form(entity: dict[str, Any], kind: Kind, beside: dict[str, Any] | None) -> Form:
    """Return a document in REST's form, and notes of what was beside it or cannot be read.

    `beside` is the level the document was wrapped in. The document is not changed in place.
    """
    if kind is Kind.ORDER and _is_in_form(entity, beside):
        return entity, []
    notes: list[str] = []
    if kind is Kind.CUSTOMER:
        named = by_other_names(entity)
        entity = entity | {part: named[part] for part in OF_A_PERSON & named.keys()}
    entity = plain_texts(entity, TEXTS.get(kind, ()), notes)
    changed = _parts(entity, kind, beside, notes)
    _spell_times(entity, changed)
    if kind is Kind.ORDER:
        _spell_addresses(entity, changed, notes)
        _spell_rows(entity, changed, notes)
        spell_number(entity, changed, beside, notes)
        spell_buyer(entity, changed, beside, notes)
        spell_words(entity, changed, notes)
    elif kind is Kind.CUSTOMER:
        _own_addresses(entity, changed, notes)
        _flag_defaults(entity, changed, notes)
    return ({**entity, **changed} if changed else entity), notes


def _parts(
    entity: dict[str, Any], kind: Kind, beside: dict[str, Any] | None, notes: list[str]
) -> dict[str, Any]:
    """Return the rows and addresses that are written otherwise, or beside the document."""
    changed: dict[str, Any] = {}
    for field, names in ALIASES.get(kind, {}).items():
        own = entity.get(field)
        if scalar(own) or (own not in NONE.get(kind, (None, [])) and is_hollow(own)):
            changed[field] = None  # PHP's false, `{}` or a word: what says nothing hides no other
        value, source = _first(entity, names), ""
        if not value and beside is not None:
            value, source = _first(beside, names), "beside the "
        if not value and field == "items" and (value := assigned_rows(entity)):
            source = "in the shipping assignments of the "
        if not value:
            continue
        read = FORMS[field](value)
        if read is None:
            notes.append(f"{field}: {form_of(value)} {source or 'in the '}{kind}, not read")
            continue
        if source:
            notes.append(f"{field}: read {source}{kind}")
        if read is not entity.get(field):
            changed[field] = read
    return changed


def _is_in_form(order: dict[str, Any], beside: dict[str, Any] | None) -> bool:
    """Whether an order is in REST's form already, and nothing beside it belongs to it."""
    items, billing = order.get("items"), order.get("billing_address")
    shipping = order.get("shipping_address")
    return (
        (bool(order.get("customer_email")) or not names_a_buyer(order, beside))
        and has_plain_number(order)
        and bool(order.get("order_currency_code"))
        and bool(order.get("state") or order.get("status"))
        and type(items) is list
        and bool(items)
        and type(billing) is dict
        and is_plain(billing)
        and not MARKS.isdisjoint(billing)
        and "addresses" not in order
        and "order_addresses" not in order
        and shipping is None
        and is_plain_time(order.get("updated_at"))
        and is_plain_time(order.get("created_at"))
        and (beside is None or BESIDE.isdisjoint(beside))
        and are_plain(order, OF_ORDER)
        and are_plain_rows(items)
    )


def _first(level: dict[str, Any], names: tuple[str, ...]) -> Any:
    found = (level[name] for name in names if level.get(name))
    return next((value for value in found if not is_hollow(opened(value))), None)


def _address_rows(value: Any) -> list[dict[str, Any]] | None:
    """Return addresses as a list; the key of each stands for its id or its type."""
    value = opened(value)
    if isinstance(value, dict) and value.keys() & MARKS:
        return [value]
    rows = rows_of(value)
    if rows is None or not isinstance(value, dict) or len(rows) != len(value):
        return rows
    return [keyed(key, row) for key, row in zip(value, rows, strict=True)]


FORMS: dict[str, Callable[[Any], Any]] = {
    "items": rows_of,
    "addresses": _address_rows,
    **dict.fromkeys(ADDRESSES, one_address),
}


def _spell_times(entity: dict[str, Any], changed: dict[str, Any]) -> None:
    for name in TIMES:
        if not is_plain_time(entity.get(name)) and (text := plain_time(entity[name])):
            changed[name] = text


def _spell_addresses(entity: dict[str, Any], changed: dict[str, Any], notes: list[str]) -> None:
    """Write the addresses of an order as REST does."""
    for name in ADDRESSES:
        address = changed.get(name, entity.get(name))
        if isinstance(address, dict) and not is_plain(address):
            changed[name] = plain_address(address, notes)
    rows = changed.get("addresses", entity.get("addresses"))
    if isinstance(rows, list) and rows:
        spelled = [plain_address(row, notes) if isinstance(row, dict) else row for row in rows]
        changed["addresses"] = spelled = typed_by_ids(spelled, entity)
        if not entity.get("billing_address") and not any(
            is_address_of(row, "billing") for row in spelled
        ):
            notes.append("addresses: none is the billing address, none is used")


def _spell_rows(entity: dict[str, Any], changed: dict[str, Any], notes: list[str]) -> None:
    rows = changed.get("items", entity.get("items"))
    if isinstance(rows, list) and (plain := plain_rows(rows, notes)) != rows:
        changed["items"] = plain


def _own_addresses(entity: dict[str, Any], changed: dict[str, Any], notes: list[str]) -> None:
    """Write the addresses of a customer as REST does, and put among them what stands outside."""
    rows = changed.get("addresses", entity.get("addresses")) or []
    if not isinstance(rows, list):
        return
    spelled = [
        plain_address(row, notes, is_of_order=False) if isinstance(row, dict) else row
        for row in rows
    ]
    if not rows:
        for flag, names in OWN_ADDRESSES.items():
            found = next((one for name in names if (one := one_address(entity.get(name)))), None)
            if found is not None:
                spelled.append({**plain_address(found, notes, is_of_order=False), flag: True})
    if spelled != rows:
        changed["addresses"] = spelled


def _flag_defaults(entity: dict[str, Any], changed: dict[str, Any], notes: list[str]) -> None:
    """Set the flags of the addresses that the customer names by id."""
    rows = changed.get("addresses", entity.get("addresses"))
    if not isinstance(rows, list) or not rows:
        return
    for flag in DEFAULT_FLAGS:
        wanted = identifier(entity.get(flag))
        if not wanted:
            continue
        if any(isinstance(row, dict) and row.get(flag) in SET for row in rows):
            continue
        ids = [row_id(row) for row in rows]
        if wanted not in ids:
            notes.append(f"addresses: none has the id of {flag}")
            continue
        place = ids.index(wanted)
        rows = [*rows[:place], {**rows[place], flag: True}, *rows[place + 1 :]]
        changed["addresses"] = rows


def read_past(at: Found, kind: Kind) -> list[str]:
    """Say what stands beside a document and is not read."""
    if at.beside is None or ORDINARY.issuperset(at.beside):
        return []
    read = {at.path[-1], *(name for names in ALIASES.get(kind, {}).values() for name in names)}
    if kind is Kind.ORDER and is_buyer_beside(at.level, at.beside):
        read.add("customer")
    skipped = [
        name
        for name, value in at.beside.items()
        if name not in read and not name.startswith("_") and value and type(value) in (dict, list)
    ]
    return [f"`{name}` beside the {at.shape} is not read" for name in skipped[:MAX_READ_PAST]]
