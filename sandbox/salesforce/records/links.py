"""A row's ties to other records: parents by external id or id, and unique values.

Every function adds to `prepared.errors`; texts are the platform's own (salesforce reference §4.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.records.records import ID_LENGTHS, Store, Table
from sandbox.salesforce.records.rules import FieldRules, Prepared


def fill_parents(store: Store, prepared: Prepared) -> None:
    """Put the ids of parents named by external id into their reference fields."""
    for parent in prepared.parents:
        ids = store.tables[parent.sobject].ids_with(parent.field_name, parent.value)
        if len(ids) == 1:
            prepared.values[parent.reference] = ids[0]
        elif ids:
            prepared.errors.append(ambiguous(parent.field_name, ids))
        else:
            prepared.errors.append(
                RecordError(
                    "INVALID_FIELD",
                    f"Foreign key external ID: {parent.value} not found for field "
                    f"{parent.field_name} in entity {parent.sobject}",
                )
            )


def check_references(store: Store, rules: FieldRules, prepared: Prepared) -> None:
    """Refuse ids of the wrong object, of nothing, or of something deleted."""
    for item in rules.references:
        value = prepared.values.get(item.name)
        if value is None:
            continue
        target = store.tables[item.refers_to]
        prepared.values[item.name] = full_id = target.resolve(value)
        if full_id in target.records:
            continue
        if not full_id.startswith(target.sobject.prefix):
            text = f"{item.label}: id value of incorrect type: {value}"
            prepared.errors.append(RecordError("FIELD_INTEGRITY_EXCEPTION", text, [item.name]))
        elif full_id in target.deleted:
            prepared.errors.append(RecordError("ENTITY_IS_DELETED", "entity is deleted"))
        else:
            text = "invalid cross reference id"
            prepared.errors.append(RecordError("INVALID_CROSS_REFERENCE_KEY", text, [item.name]))


def check_unique(table: Table, rules: FieldRules, known: str, prepared: Prepared) -> None:
    """Refuse a unique value another record has; `known` is the row's own id, if it has one."""
    for item in rules.unique:
        value = prepared.values.get(item.name)
        if value is None:
            continue
        others = [key for key in table.ids_with(item.name, value) if key != known]
        if others:
            text = (
                f"duplicate value found: {item.name} duplicates value on record with id: "
                f"{others[0][:15]}"
            )
            prepared.errors.append(RecordError("DUPLICATE_VALUE", text))


def ambiguous(field_name: str, ids: list[str]) -> RecordError:
    text = f"{field_name}: more than one record found for external id field: [{', '.join(ids)}]"
    return RecordError("DUPLICATE_EXTERNAL_ID", text)


def existing_id(table: Table, record_id: Any) -> str:
    """Return the 18-character id of a stored record; raises RecordError as the platform would."""
    if not isinstance(record_id, str) or len(record_id) not in ID_LENGTHS:
        raise RecordError(
            "MALFORMED_ID",
            f"{table.sobject.name} ID: id value of incorrect type: {record_id}",
            ["Id"],
        )
    known = table.resolve(record_id)
    if known in table.records:
        return known
    if known in table.deleted:
        raise RecordError("ENTITY_IS_DELETED", "entity is deleted")
    if not known.startswith(table.sobject.prefix):
        raise RecordError(
            "MALFORMED_ID",
            f"{table.sobject.name} ID: id value of incorrect type: {record_id}",
            ["Id"],
        )
    raise RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")


def external_id_of(rules: FieldRules, values: Mapping[str, Any]) -> str:
    """Return the value of the first external-id field that has one."""
    for name in rules.external_ids:
        value = values.get(name)
        if value is not None:
            return str(value)
    return ""


def hand_over(store: Store, parents: Table, before: str, after: str) -> None:
    """Give the children of one record to another of its object."""
    for table in store.tables.values():
        for item in table.sobject.fields.values():
            if item.refers_to == parents.sobject.name:
                for key in list(table.ids_with(item.name, before)):
                    store.put(table, key, {**table.records[key], item.name: after})
