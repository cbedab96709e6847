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
    "email": 80,
    "phone": 40,
    "url": 255,
    "picklist": 255,
    "multipicklist": 4_099,
}
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


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field's type. `length` in UTF-16 units; `precision` and `scale` in digits.

    `choices` are a restricted picklist's values (only `describe` knows them).
    """

    kind: str
    length: int = 0
    precision: int = 18
    scale: int = 2
    is_required: bool = False
    choices: frozenset[str] | None = None


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
    is_required = (
        not field.get("nillable", True)
        and not field.get("defaultedOnCreate", False)
        and kind != "checkbox"
    )
    choices = None
    if field.get("restrictedPicklist") and kind in ("picklist", "multipicklist"):
        listed = field.get("picklistValues") or ()
        choices = frozenset(str(v.get("value")) for v in listed if v.get("active", True))
    length = int(field.get("length") or DEFAULT_LENGTHS.get(kind, 0))
    if kind != "number":
        length = length if kind in DEFAULT_LENGTHS else 0
        return FieldType(kind, length, is_required=is_required, choices=choices)
    is_whole = field.get("type") in ("int", "long")
    digits = int(field.get("digits" if is_whole else "precision") or MAX_DIGITS)
    scale = 0 if is_whole else int(field.get("scale") or 0)
    return FieldType(kind, 0, digits, scale, is_required=is_required)
