"""Which records exist in Salesforce already, as far as this worker remembers.

An order's customer is written only when Salesforce does not have it yet. Remembering who exists
saves that call for every further order. It is a memory, not a truth: records are deleted in the org
behind our back, so whoever trusts it wrongly calls `forget` and creates the record again.
"""

from __future__ import annotations

from collections.abc import Callable

from agents.delivery.recent import Recent
from schemas.salesforce import Row

MAX_RECORDS = 200_000  # about 80 MB
MAX_CUSTOMERS = 4
NOBODY: tuple[str, tuple[str, ...]] = ("", ())


class ExistenceCache:
    """The most recently used identities with their record ids, bounded.

    And with the customers of whom it is known that this is where their orders go: an address may
    pass on to another customer, whose own save says so. `is_loose` says of a row whether the org
    takes several records with its key.
    """

    def __init__(
        self,
        max_records: int = MAX_RECORDS,
        *,
        is_loose: Callable[[Row], bool] = lambda _: False,
    ) -> None:
        self.is_loose = is_loose
        self._ids: Recent[tuple[str, str], tuple[str, tuple[str, ...]]] = Recent(max_records)
        self._created_on_demand: set[str] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def id_of(self, row: Row) -> str | None:
        """Return the record's id ("" when only its existence is known), None if not known."""
        at = row.identity
        found = self._ids.get(at)
        if found is None:
            return None
        self._ids.move_to_end(at)
        return found[0]

    def is_of(self, row: Row) -> bool:
        """Whether the record is known as that of the row's customer."""
        at = row.identity
        found = self._ids.get(at)
        if found is None:
            return False
        self._ids.move_to_end(at)
        return row.customer_id in found[1]

    def note_customer(self, row: Row) -> None:
        """Note that the row's customer has no other record, if this one is known."""
        found = self._ids.get(row.identity)
        if found is not None:
            self._keep(row, *found)

    def remember(self, row: Row, record_id: str) -> None:
        """Note that a record exists; of use only for sObjects that other rows create on demand."""
        if row.insert_fields and not row.fields:
            self._created_on_demand.add(row.sobject)
        elif row.sobject not in self._created_on_demand:
            return
        others = () if row.is_own else self._ids.get(row.identity, NOBODY)[1]
        self._keep(row, record_id, others)

    def _keep(self, row: Row, record_id: str, customers: tuple[str, ...]) -> None:
        if row.customer_id not in customers:
            customers = (row.customer_id, *customers)[:MAX_CUSTOMERS]
        self._ids.keep(row.identity, (record_id, customers))

    def forget(self, row: Row) -> None:
        """Note that a record may be gone."""
        self._ids.pop(row.identity, None)

    def forget_key(self, sobject: str, external_id: str) -> None:
        """Note that a record has another key by now."""
        self._ids.pop((sobject, external_id.casefold()), None)
