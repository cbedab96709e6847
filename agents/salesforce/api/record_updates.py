"""Writes single fields of records that are known by id, up to 200 with one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import CUSTOMER_ID_FIELD, MAX_ROWS, STALE_GUARD_FIELD, dumps
from agents.salesforce.http.answers import credible, row_results
from schemas.salesforce import RowResult


@dataclass(frozen=True, slots=True)
class KeyUpdate:
    """A record that gets an external id, and the time of the save that says so.

    With the time, where the org has its rule, an older save takes no key from a newer one. With the
    store's id of the customer, a later change of the e-mail finds the record.
    """

    sobject: str
    id: str
    field: str
    key: str
    version: str = ""
    customer_id: str = ""

    def as_record(self) -> dict[str, Any]:
        told = {STALE_GUARD_FIELD: self.version} if self.version else {}
        told |= {CUSTOMER_ID_FIELD: self.customer_id} if self.customer_id else {}
        return {"attributes": {"type": self.sobject}, "id": self.id, self.field: self.key, **told}


async def give_keys(client: OrgClient, updates: Sequence[KeyUpdate]) -> list[RowResult]:
    """Give up to 200 records their keys; one result each, in order.

    Sort them by sObject: a call takes ten runs of types. Raises SalesforceError.
    """
    if not 1 <= len(updates) <= MAX_ROWS:
        raise ValueError(f"{len(updates)} updates; 1 to {MAX_ROWS} fit in a call")
    body = dumps({"allOrNone": False, "records": [update.as_record() for update in updates]})
    value = await client.request("adopt", "PATCH", "composite/sobjects", body)
    return credible(row_results(value, len(updates)), [update.id for update in updates])


async def create_record(client: OrgClient, sobject: str, fields: Mapping[str, Any]) -> None:
    """Create one record. Raises SalesforceError when it is refused."""
    await client.request("create", "POST", f"sobjects/{sobject}", dumps(fields))
