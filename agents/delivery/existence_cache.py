"""Which records exist in Salesforce already, as far as this worker remembers.

An order's customer is written only when Salesforce does not have it yet. Remembering who exists
saves that call for every further order. It is a memory, not a truth: records are deleted in the org
behind our back, so whoever trusts it wrongly calls `forget` and creates the record again.
"""

from __future__ import annotations

from cachetools import LRUCache

from schemas.salesforce import Row

MAX_RECORDS = 200_000  # about 60 MB


class ExistenceCache:
    """The most recently used identities with their record ids, bounded."""

    def __init__(self, max_records: int = MAX_RECORDS) -> None:
        self._ids: LRUCache[tuple[str, str], str] = LRUCache(max_records)
        self._created_on_demand: set[str] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def id_of(self, row: Row) -> str | None:
        """Return the record's id ("" when only its existence is known), None if not known."""
        return self._ids.get(row.identity)

    def remember(self, row: Row, record_id: str) -> None:
        """Note that a record exists; of use only for sObjects that other rows create on demand."""
        if row.insert_fields and not row.fields:
            self._created_on_demand.add(row.sobject)
        elif row.sobject not in self._created_on_demand:
            return
        self._ids[row.identity] = record_id

    def forget(self, row: Row) -> None:
        """Note that a record may be gone."""
        self._ids.pop(row.identity, None)

    def forget_key(self, sobject: str, external_id: str) -> None:
        """Note that a record has another key by now."""
        self._ids.pop((sobject, external_id.casefold()), None)
