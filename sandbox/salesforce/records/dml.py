"""Writes one record the way the platform does: check, match, guard, store, remember.

Everything here is synchronous, so a row is atomic and a collection is written in one go, in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.faults.contention import Key
from sandbox.salesforce.faults.faults import Faults, lock_error
from sandbox.salesforce.records import links
from sandbox.salesforce.records.address_rules import settle_addresses
from sandbox.salesforce.records.history import Write
from sandbox.salesforce.records.objects import VERSION_FIELD
from sandbox.salesforce.records.org_states import state_refusal
from sandbox.salesforce.records.person_accounts import settle_person
from sandbox.salesforce.records.records import Store, Table
from sandbox.salesforce.records.rules import Prepared, RuleBook
from sandbox.salesforce.records.schema import Field
from sandbox.salesforce.records.triggers import AFTER, RULES, Surroundings
from sandbox.salesforce.records.validation import ValidationRules
from sandbox.salesforce.settings import Settings


@dataclass(slots=True)
class Call:
    """One HTTP call while it is carried out. `now` is the platform's text of the current time.

    `busy` are the records another call is writing at this moment (lock contention).
    `writes` and `refused` are handed to the history when the call is over.
    """

    id: str
    base: str
    api_version: float
    now: str
    allow_duplicates: bool = False
    busy: frozenset[Key] = frozenset()
    writes: list[Write] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    rows: int = 0


@dataclass(slots=True)
class RowOutcome:
    """What became of one row: `errors` is empty when it was written."""

    id: str = ""
    is_created: bool = False
    errors: list[RecordError] = field(default_factory=list)

    @property
    def is_written(self) -> bool:
        return not self.errors


class Dml:
    """Creates, updates, upserts and deletes records in a store."""

    def __init__(
        self, store: Store, settings: Settings, faults: Faults, validation: ValidationRules
    ) -> None:
        self.store = store
        self.book = RuleBook(store.schema)
        self._validation = validation
        self._settings = settings
        self._faults = faults
        self._around = [Surroundings(store, settings, allow) for allow in (False, True)]

    def prepare(self, table: Table, record: Mapping[str, Any], *, is_row: bool = False) -> Prepared:
        """Check a record's own fields; raises RequestError where the whole request is refused."""
        return self.book.rules_for(table.sobject).prepare(record, is_row=is_row)

    def create(
        self, call: Call, table: Table, prepared: Prepared, sent: dict[str, Any]
    ) -> RowOutcome:
        call.rows += 1
        return self._write(call, table, "", prepared, sent)

    def update(
        self, call: Call, table: Table, record_id: str, prepared: Prepared, sent: dict[str, Any]
    ) -> RowOutcome:
        """Update by id; an unknown or deleted id is the row's error."""
        call.rows += 1
        try:
            known = links.existing_id(table, record_id)
        except RecordError as error:
            return self._refuse(call, [error])
        return self._write(call, table, known, prepared, sent)

    def upsert(
        self, call: Call, table: Table, key_field: Field, prepared: Prepared, sent: dict[str, Any]
    ) -> RowOutcome:
        """Create or update by external id; several matches are DUPLICATE_EXTERNAL_ID."""
        call.rows += 1
        key = prepared.values.get(key_field.name)
        if key is None and not prepared.errors:
            missing = RecordError("MISSING_ARGUMENT", f"{key_field.name} not specified", [])
            return self._refuse(call, [missing])
        matches = table.ids_with(key_field.name, key) if key is not None else []
        if len(matches) > 1:
            return self._refuse(call, [links.ambiguous(key_field.name, matches)])
        if matches:
            # the stored spelling stays: matching ignores case, and so does the platform's write
            prepared.values.pop(key_field.name)
            return self._write(call, table, matches[0], prepared, sent)
        return self._write(call, table, "", prepared, sent)

    def delete(self, call: Call, table: Table, record_id: str) -> RowOutcome:
        """Delete by id, and with it what cannot be without it; other links to it are cleared."""
        call.rows += 1
        try:
            known = links.existing_id(table, record_id)
        except RecordError as error:
            return self._refuse(call, [error])
        values = table.records[known]
        refused = state_refusal(self._settings, table.sobject.name, values, values)
        if refused is not None:
            return self._refuse(call, [refused])
        self._let_go(call, table, known)
        self.store.remove(table, known)
        if table.sobject.name in AFTER:
            AFTER[table.sobject.name](self.store, values)
        self._remember(call, table, values, "delete", sent={}, is_changed=True)
        return RowOutcome(known)

    def merge(self, call: Call, table: Table, winner: str, loser: str) -> None:
        """Merge a record into another as people do: its children go over, it goes to the bin."""
        links.hand_over(self.store, table, loser, winner)
        self.delete(call, table, loser)
        table.deleted[loser]["MasterRecordId"] = winner

    def _let_go(self, call: Call, parent: Table, record_id: str) -> None:
        """Delete the children that need this parent, clear the links of those that do not."""
        for table in self.store.tables.values():
            for item in self.book.rules_for(table.sobject).references:
                if item.refers_to != parent.sobject.name:
                    continue
                for key in list(table.ids_with(item.name, record_id)):
                    if item.is_required:
                        self.delete(call, table, key)
                    else:
                        self.store.put(table, key, {**table.records[key], item.name: None})

    @contextmanager
    def atomic(self, call: Call) -> Iterator[Callable[[], None]]:
        """Undo records *and* their history when the yielded function is called."""
        mark = len(call.writes)
        with self.store.atomic() as undo:

            def undo_all() -> None:
                undo()
                del call.writes[mark:]

            yield undo_all

    def _write(
        self, call: Call, table: Table, known: str, prepared: Prepared, sent: dict[str, Any]
    ) -> RowOutcome:
        rules = self.book.rules_for(table.sobject)
        old = table.records[known] if known else None
        rules.refuse_unwritable(prepared, is_create=old is None)
        values, errors = prepared.values, prepared.errors
        links.fill_parents(self.store, prepared)
        links.check_references(self.store, rules, prepared)
        new = {**old, **values} if old is not None else {**rules.defaults, **values}
        if self._settings.person_accounts and table.sobject.name == "Account":
            settle_person(old, new, prepared)
        rules.refuse_missing(new, prepared)
        if not errors:
            self._guard(call, table, old, new, errors)
        if not errors:  # last, as the database says it: "Triggers and Order of Execution"
            links.check_unique(table, rules, known, prepared)
        if errors:
            return self._refuse(call, errors)
        return self._store(call, table, old, new, sent)

    def _guard(
        self,
        call: Call,
        table: Table,
        old: dict[str, Any] | None,
        new: dict[str, Any],
        errors: list[RecordError],
    ) -> None:
        """Ask the injected faults and the org's own rules, in this order."""
        name = table.sobject.name
        rules = self.book.rules_for(table.sobject)
        refused = state_refusal(self._settings, name, old, new)
        if refused is not None:
            errors.append(refused)
            return
        if call.busy or self._faults.has_row_faults:
            parents = [new[item.name] for item in rules.references if new.get(item.name)]
            external_id, record_id = links.external_id_of(rules, new), old["Id"] if old else ""
            injected = self._faults.row_error(name, external_id, record_id, parents)
            if injected is None:
                injected = self._contention(call, name, external_id, parents)
            if injected is not None:
                errors.append(injected)
                return
        around = self._around[call.allow_duplicates]
        try:
            for rule in RULES.get(name, ()):
                rule(around, old, new)
            if self._settings.address_picklists:
                settle_addresses(name, old, new)
        except RecordError as error:
            errors.append(error)
            return
        is_on = self._settings.stale_rule
        refusal = self._validation.refusal(name, old, new, is_stale_rule_on=is_on)
        if refusal is not None:
            errors.append(refusal)

    def _contention(
        self, call: Call, sobject: str, external_id: str, parents: list[str]
    ) -> RecordError | None:
        """Return the lock error when another call in flight holds the row or its Account."""
        if (sobject, external_id.casefold()) in call.busy:
            return lock_error(external_id)
        accounts = self.store.tables["Account"]
        rules = self.book.rules_for(accounts.sobject)
        for parent in parents:
            values = accounts.records.get(parent)
            if values and ("Account", links.external_id_of(rules, values).casefold()) in call.busy:
                return lock_error(parent)
        return None

    def _store(
        self,
        call: Call,
        table: Table,
        old: dict[str, Any] | None,
        new: dict[str, Any],
        sent: dict[str, Any],
    ) -> RowOutcome:
        is_changed = old is None or new != old
        new["LastModifiedDate"] = new["SystemModstamp"] = call.now
        if old is None:
            new["Id"] = table.new_id()
            new["CreatedDate"] = call.now
            new["IsDeleted"] = False
        self.store.put(table, new["Id"], new)
        if table.sobject.name in AFTER:
            AFTER[table.sobject.name](self.store, new)
        operation = "create" if old is None else "update"
        self._remember(call, table, new, operation, sent=sent, is_changed=is_changed)
        return RowOutcome(new["Id"], is_created=old is None)

    def _remember(
        self,
        call: Call,
        table: Table,
        values: dict[str, Any],
        operation: str,
        *,
        sent: dict[str, Any],
        is_changed: bool,
    ) -> None:
        rules = self.book.rules_for(table.sobject)
        version = values.get(VERSION_FIELD) if VERSION_FIELD in sent else ""
        call.writes.append(
            Write(
                time.monotonic(),
                time.time(),
                table.sobject.name,
                links.external_id_of(rules, values),
                values["Id"],
                operation,
                is_changed,
                sent,
                version or "",
                call.id,
            )
        )

    def _refuse(self, call: Call, errors: list[RecordError]) -> RowOutcome:
        call.refused += [error.code for error in errors]
        return RowOutcome(errors=errors)
