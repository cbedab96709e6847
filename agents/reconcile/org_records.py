"""Reads records of many external ids from Salesforce, in the fewest queries their length allows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Protocol

from agents.reconcile.findings import Identity
from agents.salesforce.api.soql import REST_ROOM, QueryRoom, id_lists
from schemas.salesforce import Row


class Query(Protocol):
    """What runs SOQL. `OrgClient` does, and `BulkQuery` for many records."""

    def query(self, soql: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the records of a query. Raises SalesforceError."""
        ...


async def fetch_records(
    client: Query, rows: Iterable[Row], room: QueryRoom = REST_ROOM
) -> dict[Identity, dict[str, Any]]:
    """Return the records of the rows that exist, with the fields the rows have.

    Raises SalesforceError.
    """
    wanted: dict[tuple[str, str], dict[str, Row]] = {}
    names: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        shape = (row.sobject, row.external_id_field)
        wanted.setdefault(shape, {})[row.external_id] = row
        plain = (name for name, value in row.fields.items() if not isinstance(value, dict))
        names.setdefault(shape, {"Id"}).update(plain)
    found: dict[Identity, dict[str, Any]] = {}
    for (sobject, key), by_id in wanted.items():
        fields = ", ".join(sorted(names[sobject, key] | {key}))
        for ids in id_lists(list(by_id), room):
            soql = f"SELECT {fields} FROM {sobject} WHERE {key} IN ({', '.join(ids)})"  # noqa: S608 - names from the org's describe, values quoted by escape
            async for record in client.query(soql):
                found[sobject, str(record.get(key)).casefold()] = record
    return found


async def keys_between(
    client: Query, sobject: str, key: str, time_field: str, bounds: tuple[str, str]
) -> set[str]:
    """Return the external ids of records whose time (ISO 8601, UTC) is within the bounds."""
    since, until = bounds
    soql = (
        f"SELECT {key} FROM {sobject} "  # noqa: S608 - names are the mapping's, times ours
        f"WHERE {key} != null AND {time_field} >= {since} AND {time_field} <= {until}"
    )
    return {str(record[key]) async for record in client.query(soql) if _has(record, key)}


def _has(record: Mapping[str, Any], key: str) -> bool:
    return bool(record.get(key))
