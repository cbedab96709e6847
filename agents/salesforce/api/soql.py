"""Values in SOQL: quoted, and in lists that fit into a query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryRoom:
    """How many values a query may name, and in how many characters."""

    ids: int
    characters: int


# A query travels in the URL, of which servers take 16 KB: room for the field names beside the ids.
REST_ROOM = QueryRoom(ids=200, characters=6_000)
# A Bulk query's text may have 100,000 characters; a chunk of documents is held in memory meanwhile.
BULK_ROOM = QueryRoom(ids=2_500, characters=90_000)


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


def is_same_text(value: object, key: str) -> bool:
    """Whether a field's value is the key: Salesforce compares external ids without case."""
    return str(value or "").casefold() == key.casefold()
