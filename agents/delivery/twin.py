"""What a refusal says of the record that was there first, and of the one that was meant. Pure."""

from __future__ import annotations

import re

from schemas.frozen import dataclass
from schemas.salesforce import Row, RowError

NAME = re.compile(r"\w+")
CUSTOM_FIELD = re.compile(r"\b\w+__c\b", re.IGNORECASE)
RECORD_ID = re.compile(r"\b(?=[A-Za-z]*\d)[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\b")


@dataclass(frozen=True, slots=True)
class Twin:
    """The record that holds the value. `is_hidden`: nothing says whether it is the same record."""

    is_another: bool = False
    is_hidden: bool = False
    record_id: str = ""


def twin_of(error: RowError, row: Row) -> Twin:
    """Return what a DUPLICATE_VALUE says about the record that was there first.

    The sentence comes in the user's language, and a user who may not see the other record is told
    neither field nor id. Names of fields and record ids are never translated: they decide.
    """
    key = row.external_id_field.casefold()
    if key in _folded(error.fields) | _folded(NAME.findall(error.message)):
        text = re.sub(re.escape(row.external_id), " ", error.message, flags=re.IGNORECASE)
        found = RECORD_ID.findall(text)
        return Twin(record_id=found[-1] if found else "")
    if error.fields or CUSTOM_FIELD.search(error.message):
        return Twin(is_another=True)
    return Twin(is_hidden=True)


def _folded(names: list[str] | tuple[str, ...]) -> set[str]:
    return {name.casefold() for name in names}


def is_elsewhere(row: Row, error: RowError) -> bool:
    """Whether a row's record is gone since the org named it, or its key has gone to another."""
    if error.code == "DUPLICATE_VALUE":
        return not twin_of(error, row).is_another
    return error.code == "ENTITY_IS_DELETED" and not error.fields
