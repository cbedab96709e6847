"""Checks one record against its object's fields: the platform's rules that need no other record.

```
unknown field, wrong JSON type, scalar where a parent object belongs   the whole request is refused
too long, bad e-mail, restricted picklist, number out of range         the record is refused
not createable / not updateable, required fields missing               the record is refused
```
Compiled once per object and revision of its schema: a row of ten fields costs a few microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sandbox.salesforce.errors import RecordError, RequestError, malformed_json, unknown_column
from sandbox.salesforce.records.fieldtypes import Converter, TypeMismatchError, converter_for
from sandbox.salesforce.records.schema import Field, SObject


class ParentKey(NamedTuple):
    """A parent named by an external id: `{"Account": {"Magento_Customer_Key__c": "a@b.c"}}`."""

    reference: str
    sobject: str
    field_name: str
    value: Any


@dataclass(slots=True)
class Prepared:
    """A record whose own fields are checked; parents and other records are not looked at yet."""

    values: dict[str, Any] = field(default_factory=dict)
    parents: list[ParentKey] = field(default_factory=list)
    errors: list[RecordError] = field(default_factory=list)


class FieldRules:
    """The compiled rules of one sObject."""

    def __init__(self, sobject: SObject, schema: Mapping[str, SObject]) -> None:
        self.sobject = sobject
        self.revision = sobject.revision
        self._schema = schema
        fields = sobject.fields.values()
        self._converters: dict[str, tuple[str, Converter]] = {
            item.name: (item.name, converter_for(item)) for item in fields
        }
        self._parents: dict[str, Field] = {f.relationship: f for f in fields if f.relationship}
        self.not_createable = frozenset(f.name for f in fields if not f.is_createable)
        self.not_updateable = frozenset(f.name for f in fields if not f.is_updateable)
        self.required = tuple(f.name for f in fields if f.is_required)
        self.defaults = {f.name: f.default for f in fields if f.default is not None}
        self.references = tuple(f for f in fields if f.refers_to)
        self.unique = tuple(f for f in fields if f.is_unique)
        self.external_ids = tuple(f.name for f in fields if f.is_external_id)

    def prepare(self, record: Mapping[str, Any], *, is_row: bool = False) -> Prepared:
        """Check and normalise the fields of a record.

        Raises RequestError for what makes the platform refuse the whole JSON request; with `is_row`
        (bulk) a wrong type is an error of the row instead.
        """
        prepared = Prepared()
        values, converters = prepared.values, self._converters
        for name, value in record.items():
            known = converters.get(name)
            if known is None:
                self._prepare_other(prepared, name, value)
                continue
            try:
                values[known[0]] = known[1](value)
            except RecordError as error:
                prepared.errors.append(error)
            except TypeMismatchError as mismatch:
                if not is_row:
                    raise malformed_json(mismatch.json_message) from None
                prepared.errors.append(mismatch.for_row())
        return prepared

    def _prepare_other(self, prepared: Prepared, name: str, value: Any) -> None:
        """Handle `attributes`, a parent object, or a name in other letters than the schema's."""
        if name == "attributes":
            return
        reference = self._parents.get(name) or self.sobject.reference_named(name)
        if reference is not None:
            self._prepare_parent(prepared, reference, value)
            return
        item = self.sobject.find(name)
        if item is None:
            raise unknown_column(name, self.sobject.name)
        self._converters[name] = self._converters[item.name]
        again = self.prepare({name: value})
        prepared.values |= again.values
        prepared.errors += again.errors

    def _prepare_parent(self, prepared: Prepared, reference: Field, value: Any) -> None:
        relationship = reference.relationship
        if value is None:
            prepared.errors.append(
                RecordError(
                    "MISSING_ARGUMENT",
                    f"The external foreign key reference {relationship} has no value; set "
                    f"{reference.name} to null to clear it",
                    [relationship],
                )
            )
            return
        if not isinstance(value, dict):
            raise RequestError(
                400,
                "INVALID_FIELD",
                f"The value provided for foreign key reference {relationship} is not a nested "
                "SObject",
            )
        keys = value if len(value) == 1 else _without_attributes(value)
        if len(keys) != 1:
            raise RequestError(
                400,
                "INVALID_FIELD",
                f"The foreign key reference {relationship} must have exactly one external id "
                f"field, not {len(keys)}",
            )
        ((name, key),) = keys.items()
        prepared.parents.append(self._parent_key(reference, name, key))

    def _parent_key(self, reference: Field, name: str, key: Any) -> ParentKey:
        parent = self._schema[reference.refers_to]
        item = parent.find(name)
        if item is None:
            raise unknown_column(name, parent.name)
        if not (item.is_external_id or item.is_id_lookup):
            raise RequestError(
                400,
                "INVALID_FIELD",
                f"{name} of {parent.name} is not an external id or indexed field: it cannot name "
                f"a {reference.relationship}",
            )
        if not isinstance(key, str):
            key = _converted(item, key)
        return ParentKey(reference.name, parent.name, item.name, key)

    def refuse_unwritable(self, prepared: Prepared, *, is_create: bool) -> None:
        """Add the error for fields this user may not write."""
        blocked = self.not_createable if is_create else self.not_updateable
        if blocked.isdisjoint(prepared.values):
            return
        names = [name for name in prepared.values if name in blocked]
        prepared.errors.append(
            RecordError(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {', '.join(names)}. Please check the security "
                "settings of this field and verify that it is read/write for your profile or "
                "permission set.",
                names,
            )
        )

    def refuse_missing(self, values: Mapping[str, Any], prepared: Prepared) -> None:
        """Add the error for required fields that would be empty in the stored record."""
        missing = [name for name in self.required if values.get(name) is None]
        if missing and prepared.errors:
            spoken_for = {name for error in prepared.errors for name in error.fields}
            missing = [name for name in missing if name not in spoken_for]
        if missing:
            prepared.errors.append(
                RecordError(
                    "REQUIRED_FIELD_MISSING",
                    f"Required fields are missing: [{', '.join(missing)}]",
                    missing,
                )
            )


def _converted(item: Field, value: Any) -> Any:
    try:
        return converter_for(item)(value)
    except TypeMismatchError as mismatch:
        raise malformed_json(mismatch.json_message) from None
    except RecordError as error:
        raise malformed_json(error.message) from None


def _without_attributes(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: key for name, key in value.items() if name != "attributes"}


class RuleBook:
    """The compiled rules of every object, compiled again when its schema changes."""

    def __init__(self, schema: Mapping[str, SObject]) -> None:
        self._schema = schema
        self._compiled: dict[str, FieldRules] = {}

    def rules_for(self, sobject: SObject) -> FieldRules:
        compiled = self._compiled.get(sobject.name)
        if compiled is None or compiled.revision != sobject.revision:
            compiled = self._compiled[sobject.name] = FieldRules(sobject, self._schema)
        return compiled
