"""Custom fields of the simulated org: what the metadata package says, as the org describes it.

The package in `salesforce/` is the only list of these fields; a deployed zip goes the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from sandbox.salesforce.records.schema import Field, SObject
from schemas.metadata_package import CustomField, read_package

_AREA_LENGTH = 255

# metadata's type → (describe's type, length where metadata has none)
_TYPES: dict[str, tuple[str, int]] = {
    "Text": ("string", 0),
    "TextArea": ("textarea", _AREA_LENGTH),
    "LongTextArea": ("textarea", 0),
    "Email": ("email", 80),
    "Phone": ("phone", 40),
    "Url": ("url", 255),
    "DateTime": ("datetime", 0),
    "Date": ("date", 0),
    "Checkbox": ("boolean", 0),
    "Number": ("double", 0),
    "Currency": ("currency", 0),
    "Percent": ("percent", 0),
}


def described_field(field: CustomField) -> Field:
    """Return the field as the org keeps it; raises ValueError for a type it does not know."""
    if field.type not in _TYPES:
        raise ValueError(f"{field.sobject}.{field.name}: no fields of type {field.type} here")
    kind, length = _TYPES[field.type]
    return Field(
        field.name,
        type=kind,
        label=field.label,
        length=field.length or length,
        precision=field.precision,
        scale=field.scale,
        is_required=field.is_required,
        is_external_id=field.is_external_id,
        is_unique=field.is_unique,
        is_id_lookup=field.is_external_id,
        default=False if kind == "boolean" else None,
    )


def install(schema: Mapping[str, SObject], fields: Iterable[CustomField]) -> None:
    """Put the fields into their objects, which must be there."""
    for field in fields:
        schema[field.sobject].put(described_field(field))


@cache
def package_fields() -> tuple[CustomField, ...]:
    """Return every field of the package, line items and orders included."""
    return tuple(part.what for part in read_package() if isinstance(part.what, CustomField))
