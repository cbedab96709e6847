"""Values in SOQL: quoted, and in lists that fit into a query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

import stream.fitting

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class QueryRoom:
    """How many things a query may name, and in how many characters, escaped for a URL or not."""

    ids: int
    characters: int
    is_url: bool


# A query travels in the URL, of which servers take 16,384 bytes (414 beyond that; Salesforce REST
# API guide, Status Codes and Error Responses): room for the field names beside the values.
REST_ROOM = QueryRoom(ids=200, characters=10_000, is_url=True)
# A Bulk query's text may have 100,000 characters; a chunk of documents is held in memory meanwhile.
BULK_ROOM = QueryRoom(ids=2_500, characters=90_000, is_url=False)


def id_lists(values: Sequence[str], room: QueryRoom = REST_ROOM) -> Iterator[list[str]]:
    """Yield the values quoted for SOQL, in lists that fit into a query."""
    return fitting([quoted(value) for value in values], lambda value: (value,), room)


def fitting(
    items: Iterable[T], values_of: Callable[[T], Sequence[str]], room: QueryRoom = REST_ROOM
) -> Iterator[list[T]]:
    """Yield the items in lists whose values fit into a query."""
    listed = list(items)
    if len(listed) <= room.ids and _weigh_at_most(listed, values_of) <= room.characters:
        return iter([listed] if listed else ())
    return stream.fitting.fitting(
        listed,
        lambda item: sum(_weight(value, room) for value in values_of(item)),
        room=room.characters,
        most=room.ids,
    )


def _weigh_at_most(items: Sequence[T], values_of: Callable[[T], Sequence[str]]) -> int:
    """Return no less than the weight of all: a byte takes three characters of a URL at most."""
    values = [value for item in items for value in values_of(item)]
    return 3 * (len("".join(values).encode()) + len("'', ") * len(values))


def _weight(value: str, room: QueryRoom) -> int:
    text = f"'{value}', "
    return len(quote(text, safe="") if room.is_url else text)


def quoted(value: str) -> str:
    """Return a SOQL string literal. Source: SOQL reference, "Quoted String Escape Sequences"."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def is_same_text(value: object, key: str) -> bool:
    """Whether a field's value is the key: Salesforce compares external ids without case."""
    return str(value or "").casefold() == key.casefold()
