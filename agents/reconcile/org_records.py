"""Reads records of many external ids from Salesforce, in the fewest queries their length allows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents.reconcile.findings import Identity
from schemas.salesforce import Row


@dataclass(frozen=True, slots=True)
class QueryRoom:
    """How many external ids a query may name, and in how many characters."""

    ids: int
    characters: int


# A query travels in the URL, of which servers take 16 KB: room for the field names beside the ids.
REST_ROOM = QueryRoom(ids=200, characters=6_000)
# A Bulk query's text may have 100,000 characters; a chunk of documents is held in memory meanwhile.
BULK_ROOM = QueryRoom(ids=2_500, characters=90_000)


class Query(Protocol):
    """What runs SOQL. `agents.salesforce.api.client.OrgClient` does."""

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
            soql = f"SELECT {fields} FROM {sobject} WHERE {key} IN ({', '.join(ids)})"  # noqa: S608
            async for record in client.query(soql):
                found[sobject, str(record.get(key)).casefold()] = record
    return found


def id_lists(values: Sequence[str], room: QueryRoom = REST_ROOM) -> Iterator[list[str]]:
    """Yield the values quoted for SOQL, in lists that fit into a query."""
    part: list[str] = []
    size = 0
    for value in values:
        text = quoted(value)
        if part and (len(part) == room.ids or size + len(text) > room.characters):
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text) + 2
    if part:
        yield part


def quoted(value: str) -> str:
    """Return a SOQL string literal. Source: SOQL reference, "Quoted String Escape Sequences"."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


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
