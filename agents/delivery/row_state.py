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


class WriteMode(StrEnum):
    """How a row is sent."""

    CREATE = "create"
    UPDATE = "update"  # upsert of the plain fields
    ASK = "ask"  # not at all before it is known whether the record exists
    WHOLE = "whole"  # upsert of plain and insert fields


@dataclass(slots=True)
class RowState:
    """One row and its progress."""

    row: Row
    mode: WriteMode | None = None  # decided when it is first sent
    is_done: bool = False
    is_assumed: bool = False  # left out, or sent without insert fields: it is believed to exist
    was_missing: bool = False  # believed to exist once, and did not
    was_asked_for: bool = False  # its create was refused, so the org was asked whether it exists
    has_repeated: bool = False
    id: str = ""
    is_created: bool = False
    is_stale: bool = False
    failure: RefusedWrite | None = None
    exists: bool = False  # as far as the order's state knows

    def operation(self) -> Operation:
        """Return what Salesforce would do with the row, as far as is known before it is sent."""
        if self.mode is WriteMode.UPDATE and (self.is_assumed or self.exists or self.row.record_id):
            return "update"
        return "create"

    @property
    def is_by_id(self) -> bool:
        """Whether the row goes to the record that the org named, and makes none."""
        return self.mode is WriteMode.UPDATE and bool(self.row.record_id)

    def can_be_asked_for(self) -> bool:
        """Whether it is not known that there is no such record."""
        return self.mode is WriteMode.CREATE and not self.was_missing

    def is_there(self, record_id: str, known: ExistenceCache) -> None:
        """Note that the record exists: it needs no create."""
        self.id, self.mode, self.exists = record_id, WriteMode.UPDATE, True
        self.is_done = not self.row.fields
        known.remember(self.row, record_id)

    def is_gone(self, known: ExistenceCache) -> None:
        """Note that there is no such record: the row makes it."""
        known.forget(self.row)
        self.mode = WriteMode.CREATE
        self.row = dataclasses.replace(self.row, record_id="")
        self.is_done, self.is_assumed, self.was_missing = False, False, True
        self.failure = None

    @property
    def is_outstanding(self) -> bool:
        return not self.is_done

    def wire(self) -> tuple[Row, Method]:
        """Return the row as it is sent now, and by which method."""
        match self.mode:
            case WriteMode.CREATE:
                return self.row, "create"
            case WriteMode.WHOLE:
                whole = dataclasses.replace(self.row, fields=self.row.whole, insert_fields={})
                return whole, "upsert"
            case _:
                return self.row, "update" if self.is_by_id else "upsert"


def mode_of(row: Row, known: ExistenceCache) -> WriteMode | None:
    """Return how a row is sent at first; None when it need not be sent."""
    if not row.insert_fields or (row.record_id and row.fields):
        return WriteMode.UPDATE
    if row.record_id:
        return None
    if not row.known_id and known.id_of(row) is None:
        return WriteMode.ASK if known.is_loose(row) else WriteMode.CREATE
    return WriteMode.UPDATE if row.fields else None


def method_of(row: Row, known: ExistenceCache) -> Method | None:
    """Return the method a row is sent by at first; None when it need not be sent."""
    mode = mode_of(row, known)
    if mode is None:
        return None
    if row.record_id:
        return "update"
    return "create" if mode is WriteMode.CREATE or mode is WriteMode.ASK else "upsert"


def written(slot: RowState, result: RowResult, known: ExistenceCache) -> None:
    """Note that Salesforce took a row."""
    slot.id = result.id
    slot.is_created = slot.is_created or result.created
    if slot.is_assumed and result.created:  # it was gone: now give it what only new records get
        slot.is_assumed, slot.was_missing, slot.mode = False, True, WriteMode.WHOLE
        return
    slot.is_done = True
    known.remember(slot.row, result.id)
