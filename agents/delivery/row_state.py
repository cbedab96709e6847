"""One row while it is being written: how it is sent, and what is known of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum

from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.fault_scope import Operation
from agents.delivery.types import RefusedWrite
from agents.salesforce.api.collection_builder import Method
from schemas.salesforce import Row, RowResult

# What these cannot be without is in no key: a name, a product (Object Reference, required fields).
NAMED = frozenset(
    {"Account", "Contact", "Lead", "Opportunity", "Product2", "Pricebook2", "PricebookEntry"}
)


class WriteMode(StrEnum):
    """How a row is sent."""

    CREATE = "create"
    UPDATE = "update"  # upsert of the plain fields
    ASK = "ask"  # upsert of the key alone: it makes no record, and says whether there is one
    WHOLE = "whole"  # upsert of plain and insert fields


@dataclass(slots=True)
class RowState:
    """One row and its progress."""

    row: Row
    mode: WriteMode | None = None  # decided when it is first sent
    is_done: bool = False
    is_assumed: bool = False  # left out, or sent without insert fields: it is believed to exist
    was_missing: bool = False  # believed to exist once, and did not
    was_asked_for: bool = False  # its create was refused, so an upsert asked whether it exists
    has_repeated: bool = False
    id: str = ""
    is_created: bool = False
    is_stale: bool = False
    failure: RefusedWrite | None = None
    exists: bool = False  # as far as the order's state knows

    def operation(self) -> Operation:
        """Return what Salesforce would do with the row, as far as is known before it is sent."""
        if self.mode is WriteMode.UPDATE and (self.is_assumed or self.exists):
            return "update"
        return "create"

    def can_be_asked_for(self) -> bool:
        """Whether an upsert of the key alone says if the record exists, and makes none."""
        is_sure = self.row.sobject in NAMED and not self.was_missing
        return self.mode is WriteMode.CREATE and is_sure

    @property
    def is_outstanding(self) -> bool:
        return not self.is_done

    def wire(self) -> tuple[Row, Method]:
        """Return the row as it is sent now, and by which method."""
        match self.mode:
            case WriteMode.CREATE:
                return self.row, "create"
            case WriteMode.ASK:
                key = dataclasses.replace(self.row, fields={}, insert_fields={}, version="")
                return dataclasses.replace(key, overrule=""), "upsert"
            case WriteMode.WHOLE:
                whole = dataclasses.replace(self.row, fields=self.row.whole, insert_fields={})
                return whole, "upsert"
            case _:
                return self.row, "upsert"


def mode_of(row: Row, known: ExistenceCache) -> WriteMode | None:
    """Return how a row is sent at first; None when it need not be sent."""
    if not row.insert_fields:
        return WriteMode.UPDATE
    if not row.known_id and known.id_of(row) is None:
        return WriteMode.CREATE
    return WriteMode.UPDATE if row.fields else None


def method_of(row: Row, known: ExistenceCache) -> Method | None:
    """Return the method a row is sent by at first; None when it need not be sent."""
    mode = mode_of(row, known)
    if mode is None:
        return None
    return "create" if mode is WriteMode.CREATE else "upsert"


def written(slot: RowState, result: RowResult, known: ExistenceCache) -> None:
    """Note that Salesforce took a row."""
    slot.id = result.id
    if slot.mode is WriteMode.ASK:  # if one was made, by the row of another bundle beside it
        slot.mode, slot.is_assumed, slot.exists = WriteMode.UPDATE, False, True
        slot.is_done = not slot.row.fields
        known.remember(slot.row, result.id)
        return
    slot.is_created = slot.is_created or result.created
    if slot.is_assumed and result.created:  # it was gone: now give it what only new records get
        slot.is_assumed, slot.was_missing, slot.mode = False, True, WriteMode.WHOLE
        return
    slot.is_done = True
    known.remember(slot.row, result.id)
