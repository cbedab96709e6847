"""Salesforce's field types, as a mapping file spells them and as `describe` tells them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_TEXT = 131_072  # a long text area's largest size
MAX_DIGITS = 18
SPELLED = re.compile(r"(\w+)(?:\((\d+)(?:\s*,\s*(\d+))?\))?(!?)")

DEFAULT_LENGTHS = {
    "text": 255,
    "textarea": 32_000,
    "html": 32_768,
    "email": 80,
    "phone": 40,
    "url": 255,
    "picklist": 255,
    "multipicklist": 4_099,
}
PICKED = ("picklist", "multipicklist")
OTHER_KINDS = ("number", "date", "datetime", "checkbox", "id")
KINDS = (*DEFAULT_LENGTHS, *OTHER_KINDS)

# describe's type names → ours
DESCRIBED = {
    "string": "text",
    "encryptedstring": "text",
    "combobox": "text",
    "textarea": "textarea",
    "email": "email",
    "phone": "phone",
    "url": "url",
    "picklist": "picklist",
    "multipicklist": "multipicklist",
    "currency": "number",
    "double": "number",
    "percent": "number",
    "int": "number",
    "long": "number",
    "date": "date",
    "datetime": "datetime",
    "boolean": "checkbox",
    "reference": "id",
    "id": "id",
}


# Picklists that refuse other values whatever describe says of them.
ALWAYS_RESTRICTED = ("StateCode", "CountryCode", "CurrencyIsoCode")


@dataclass(frozen=True, slots=True)
class PicklistEntry:
    """A value of a picklist; `valid_for` is describe's bitmap of the values it depends on."""

    value: str
    label: str
    valid_for: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field's type. `length` in UTF-16 units; `precision` and `scale` in digits.

    Only `describe` knows the rest: `choices` are a restricted picklist's values, `listed` those of
    any as the org spells them, `entries` those of a state or country picklist with what they depend
    on, `is_money` a currency field.
    """

    kind: str
    length: int = 0
    precision: int = 18
    scale: int = 2
    is_required: bool = False
    choices: frozenset[str] | None = None
    listed: tuple[str, ...] = ()
    entries: tuple[PicklistEntry, ...] = ()
    is_money: bool = False
    is_createable: bool = True
    is_updateable: bool = True


def parse_type(text: str) -> FieldType | None:
    """Return the type that a mapping file spells `text(80)` or `number(18,2)`, or None."""
    match = SPELLED.fullmatch(text.strip())
    if match is None or match[1] not in KINDS:
        return None
    kind, first, second = match[1], match[2], match[3]
    if kind == "number":
        precision, scale = int(first or 18), int(second or (0 if first else 2))
        if not 0 < precision <= 18 or scale > precision:  # noqa: PLR2004 - the platform's most
            return None
        return FieldType(kind, 0, precision, scale, is_required=bool(match[4]))
    length = min(int(first), MAX_TEXT) if first else DEFAULT_LENGTHS.get(kind, 0)
    return None if first == "0" else FieldType(kind, length, is_required=bool(match[4]))


def described_type(field: Mapping[str, Any]) -> FieldType | None:
    """Return the type of one entry of describe's `fields`, None for types we cannot write."""
    kind = DESCRIBED.get(str(field.get("type")))
    if kind is None:
        return None
    if kind == "textarea" and field.get("htmlFormatted"):
        kind = "html"
    is_required = (
        not field.get("nillable", True)
        and not field.get("defaultedOnCreate", False)
        and kind != "checkbox"
    )
    is_createable = bool(field.get("createable", True))
    is_updateable = bool(field.get("updateable", True))
    if kind == "number":
        is_whole = field.get("type") in ("int", "long")
        return FieldType(
            kind,
            precision=int(field.get("digits" if is_whole else "precision") or MAX_DIGITS),
            scale=0 if is_whole else int(field.get("scale") or 0),
            is_required=is_required,
            is_money=field.get("type") == "currency",
            is_createable=is_createable,
            is_updateable=is_updateable,
        )
    choices, entries = _described_choices(field, kind)
    return FieldType(
        kind,
        int(field.get("length") or DEFAULT_LENGTHS[kind]) if kind in DEFAULT_LENGTHS else 0,
        is_required=is_required,
        choices=choices,
        listed=_listed(field) if kind in PICKED else (),
        entries=entries,
        is_createable=is_createable,
        is_updateable=is_updateable,
    )


def _listed(field: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(entry.get("value")) for entry in field.get("picklistValues") or ())


def _described_choices(
    field: Mapping[str, Any], kind: str
) -> tuple[frozenset[str] | None, tuple[PicklistEntry, ...]]:
    name = str(field.get("name"))
    is_fixed = name.endswith(ALWAYS_RESTRICTED)
    if kind not in PICKED or not (is_fixed or field.get("restrictedPicklist")):
        return None, ()
    entries = tuple(
        PicklistEntry(
            str(entry.get("value")),
            str(entry.get("label") or ""),
            str(entry.get("validFor") or ""),
            bool(entry.get("active", True)),
        )
        for entry in field.get("picklistValues") or ()
    )
    choices = frozenset(entry.value for entry in entries if entry.is_active)
    if is_fixed and not choices:
        return None, ()
    return choices, entries if name.endswith(("StateCode", "CountryCode")) else ()
