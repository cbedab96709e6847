"""PHP's spellings of one document, read into the one form that everything behind works on.

A store writes one thing in several ways: rows as a list, as an object keyed by their ids, or as a
JSON text; a region as a text or as an object; a default address as a flag on the row or as an id on
the customer; the addresses and items inside the order or beside it. REST's form is ours. A document
in that form already is returned as it is, which is nearly every one.

| field | also read |
|---|---|
| `items` of an order | object keyed by anything, JSON text, `order_items`, beside the order |
| `billing_address`, `shipping_address` of an order | JSON text, list of one, beside the order |
| `addresses` of an order | object keyed `billing`, `shipping`; beside the order |
| `region` in an order's address | object: its `region`, with `region_code` and `region_id` |
| `addresses` of a customer | object keyed by ids, JSON text, beside the customer |
| `default_billing`, `default_shipping` of a customer | an id: the row's flag |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.event import Kind
from schemas.texts import text_of
from schemas.unwrapping import opened

Rows = list[dict[str, Any]]

ADDRESSES = ("billing_address", "shipping_address")
# Field of a document → the names it goes by, inside or beside it.
ALIASES: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.ORDER: {
        "items": ("items", "order_items"),
        "addresses": ("addresses", "order_addresses"),
        **{name: (name,) for name in ADDRESSES},
    },
    Kind.CUSTOMER: {"addresses": ("addresses", "customer_addresses")},
}
BESIDE = ("shipping_address", "addresses", "order_addresses")
DEFAULT_FLAGS = ("default_billing", "default_shipping")


def in_one_form(
    entity: dict[str, Any], kind: Kind, beside: dict[str, Any] | None
) -> tuple[dict[str, Any], list[str]]:
    """Return a document in REST's form, and notes of what was beside it or cannot be read.

    `beside` is the level the document was wrapped in. The document is not changed in place.
    """
    if kind is Kind.ORDER and _is_in_form(entity, beside):
        return entity, []
    notes: list[str] = []
    changed: dict[str, Any] = {}
    for field, names in ALIASES.get(kind, {}).items():
        value, source = _first(entity, names), ""
        if not value and beside is not None:
            value, source = _first(beside, names), "beside the "
        if not value:
            continue
        read = FORMS[field](value)
        if read is None:
            notes.append(f"{field}: {_form_of(value)} {source or 'in the '}{kind}, not read")
            continue
        if source:
            notes.append(f"{field}: read {source}{kind}")
        if read is not entity.get(field):
            changed[field] = read
    if kind is Kind.ORDER:
        _spell_regions(entity, changed)
    elif kind is Kind.CUSTOMER:
        _flag_defaults(entity, changed, notes)
    return ({**entity, **changed} if changed else entity), notes


def _is_in_form(order: dict[str, Any], beside: dict[str, Any] | None) -> bool:
    """Whether an order is in REST's form already, and nothing beside it belongs to it."""
    items, billing = order.get("items"), order.get("billing_address")
    shipping = order.get("shipping_address")
    return (
        type(items) is list
        and bool(items)
        and type(billing) is dict
        and type(billing.get("region")) is not dict
        and "addresses" not in order
        and "order_addresses" not in order
        and shipping is None
        and not (beside and any(name in beside for name in BESIDE))
        and all(type(row) is dict for row in items)
    )


def _first(level: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((level[name] for name in names if level.get(name)), None)


def _form_of(value: Any) -> str:
    forms = {dict: "an object", list: "a list", str: "a text", bool: "a flag"}
    return forms.get(type(value), "a number")


def _rows(value: Any) -> Rows | None:
    """Return rows as a list; None for what holds none."""
    value = opened(value)
    if isinstance(value, list):
        if all(type(row) is dict for row in value):
            return value
        rows = [row for entry in value if isinstance(row := opened(entry), dict)]
        return rows or None
    if isinstance(value, dict):
        nested = value.get("items")
        if isinstance(nested, list | dict) and len(value) <= 2:  # noqa: PLR2004 - a search result
            return _rows(nested)
        rows = [row for entry in value.values() if isinstance(row := opened(entry), dict)]
        return rows if rows and len(rows) == len(value) else None
    return None


def _address_rows(value: Any) -> Rows | None:
    """Return addresses as a list; the key of each stands for its id or its type."""
    value = opened(value)
    rows = _rows(value)
    if rows is None or not isinstance(value, dict) or len(rows) != len(value):
        return rows
    return [_keyed(key, row) for key, row in zip(value, rows, strict=True)]


def _keyed(key: str, row: dict[str, Any]) -> dict[str, Any]:
    if key.isdecimal():
        return row if text_of(row.get("id") or row.get("entity_id")) else {**row, "id": key}
    kind = key.removesuffix("_address")
    return row if row.get("address_type") else {**row, "address_type": kind}


def _address(value: Any) -> dict[str, Any] | None:
    value = opened(value)
    if isinstance(value, list) and len(value) == 1:
        value = opened(value[0])
    return value if isinstance(value, dict) else None


FORMS: dict[str, Callable[[Any], Any]] = {
    "items": _rows,
    "addresses": _address_rows,
    **dict.fromkeys(ADDRESSES, _address),
}


def _spell_regions(entity: dict[str, Any], changed: dict[str, Any]) -> None:
    """Write the regions of an order's addresses as texts, as REST does."""
    for name in ADDRESSES:
        address = changed.get(name, entity.get(name))
        if isinstance(address, dict) and isinstance(address.get("region"), dict):
            changed[name] = _with_plain_region(address)
    rows = changed.get("addresses", entity.get("addresses"))
    if isinstance(rows, list) and any(_has_region_object(row) for row in rows):
        changed["addresses"] = [
            _with_plain_region(row) if _has_region_object(row) else row for row in rows
        ]


def _has_region_object(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("region"), dict)


def _with_plain_region(address: dict[str, Any]) -> dict[str, Any]:
    region = address["region"]
    parts = {name: region[name] for name in ("region_code", "region_id") if region.get(name)}
    return {**parts, **address, "region": region.get("region") or region.get("name") or ""}


def _flag_defaults(entity: dict[str, Any], changed: dict[str, Any], notes: list[str]) -> None:
    """Set the flags of the addresses that the customer names by id."""
    rows = changed.get("addresses", entity.get("addresses"))
    if not isinstance(rows, list) or not rows:
        return
    for flag in DEFAULT_FLAGS:
        wanted = text_of(entity.get(flag))
        if not wanted or wanted == "0":
            continue
        if any(isinstance(row, dict) and row.get(flag) for row in rows):
            continue
        ids = [_row_id(row) for row in rows]
        if wanted not in ids:
            notes.append(f"addresses: none has the id of {flag}")
            continue
        place = ids.index(wanted)
        rows = [*rows[:place], {**rows[place], flag: True}, *rows[place + 1 :]]
        changed["addresses"] = rows


def _row_id(row: Any) -> str:
    if not isinstance(row, dict):
        return ""
    return next((found for name in ("id", "entity_id") if (found := text_of(row.get(name)))), "")
