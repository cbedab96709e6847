"""Salesforce rows and what Salesforce said about each of them.

A row is identified by (sObject, external-ID value); the same pair in one request is refused by the
platform, so everything that batches rows compares `Row.identity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from schemas.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One record to upsert.

    `fields` is what goes over the wire besides the external ID; a parent link is a nested object
    under its relationship name, e.g. `{"Account": {"Magento_Customer_Key__c": "a@b.c"}}`.
    `insert_fields` are sent only when the record does not exist yet (what an order knows of a
    customer); a row with nothing but `insert_fields` never changes an existing record.
    `version` (ISO 8601, UTC) is the Magento `updated_at` behind the row; it is sent as
    `Magento_Updated_At__c` where the org has that field, so that the org refuses stale writes;
    `overrule`, when set, is sent as `Magento_Overruled_By__c` and lets an older version pass.
    `adopt_by` names the field by which a record without external ID is looked for before the first
    create; '' when it is not.
    `known_id` is the record's id where the state of the event's key has it: it exists.
    `customer_id` is the store's id of the customer whose record this is, '' for guests; `is_own`:
    the event is the customer's own, so a record under another key may be renamed by it.
    `record_id` is the record that the org named as this customer's just now: it is written by its
    id, whatever key another worker has given it since.
    `identity`: (sObject, case-folded external id); Salesforce matches external ids without case.
    """

    sobject: str
    external_id_field: str
    external_id: str
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    insert_fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    version: str = ""
    adopt_by: str = ""
    overrule: str = ""
    known_id: str = ""
    customer_id: str = ""
    is_own: bool = False
    record_id: str = ""
    identity: tuple[str, str] = field(init=False, repr=False, compare=False)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> tuple[str, str]:
            """Work the identity out when it is first asked for, and keep it: many ask."""
            if name != "identity":
                raise AttributeError(name)
            self.identity = found = self.sobject, self.external_id.casefold()
            return found

    @property
    def whole(self) -> dict[str, Any]:
        """What a new record gets."""
        return {**self.insert_fields, **self.fields}


@dataclass(frozen=True, slots=True)
class RowError:
    """One entry of `errors` in a per-record result (Collections say `statusCode`)."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowResult:
    """Salesforce's answer for one row. `created` means something only when `success` is true."""

    success: bool
    id: str = ""
    created: bool = False
    errors: tuple[RowError, ...] = ()
