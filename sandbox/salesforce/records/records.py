"""The records of the org in memory: tables, indexes, ids, and an undo journal for allOrNone.

Pure: no clock, no network. Values are replaced, never changed in place, so undo is putting the old
dictionary back and a reader on another task never sees half a write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sandbox.salesforce.records.schema import SObject

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = [first + second for first in _BASE62 for second in _BASE62]
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_POD = "Os0000"  # instance part of our ids: recognisable as a simulator's

ID_LENGTHS = (15, 18)


def record_id(prefix: str, number: int) -> str:
    """Return the 18-character id of the number-th record of a prefix, e.g. `001Os0000000001AAA`."""
    rest, low = divmod(number, len(_PAIRS))
    high, middle = divmod(rest, len(_PAIRS))
    return with_suffix(prefix + _POD + _PAIRS[high] + _PAIRS[middle] + _PAIRS[low])


def with_suffix(short_id: str) -> str:
    """Return the case-safe 18 characters: three more that encode which letters are capitals."""
    return short_id + "".join(_capitals(short_id[place : place + 5]) for place in (0, 5, 10))


@lru_cache(maxsize=65_536)
def _capitals(part: str) -> str:
    """Return the character that encodes which of five letters are capitals."""
    return _SUFFIX[sum(1 << index for index, char in enumerate(part) if "A" <= char <= "Z")]


def index_key(value: Any) -> Any:
    """Return what an index compares: text without case, as the platform matches external ids."""
    return value.casefold() if isinstance(value, str) else value


class Table:
    """The records of one sObject, by 18-character id, in the order they were created."""

    def __init__(self, sobject: SObject) -> None:
        self.sobject = sobject
        self.records: dict[str, dict[str, Any]] = {}
        self.deleted: dict[str, dict[str, Any]] = {}  # the Recycle Bin
        self.created_count = 0
        self._indexes: dict[str, dict[Any, list[str]]] = {}
        self._revision = -1

    def indexes(self) -> dict[str, dict[Any, list[str]]]:
        """Return the indexes by field name, rebuilt when the schema has changed."""
        if self._revision != self.sobject.revision:
            self._revision = self.sobject.revision
            fields = self.sobject.fields.values()
            self._indexes = {f.name: {} for f in fields if f.is_indexed and f.name != "Id"}
            for key, values in self.records.items():
                self._index(key, values)
        return self._indexes

    def ids_with(self, field_name: str, value: Any) -> list[str]:
        """Return the ids whose indexed field equals the value; case does not matter."""
        if field_name == "Id":
            found = self.resolve(value)
            return [found] if found in self.records else []
        return self.indexes()[field_name].get(index_key(value), [])

    def resolve(self, short_or_long: str) -> str:
        """Return the 18-character form of an id of either length."""
        return with_suffix(short_or_long) if len(short_or_long) == ID_LENGTHS[0] else short_or_long

    def new_id(self) -> str:
        self.created_count += 1
        return record_id(self.sobject.prefix, self.created_count)

    def put(self, key: str, values: dict[str, Any]) -> None:
        """Store a record; the dictionary must not be changed afterwards."""
        old = self.records.get(key)
        for name, index in self.indexes().items():
            before = old.get(name) if old else None
            after = values.get(name)
            if before != after or old is None:
                _unlink(index, before, key)
                if after is not None:
                    index.setdefault(index_key(after), []).append(key)
        self.records[key] = values

    def remove(self, key: str) -> None:
        """Delete a record; raises KeyError when there is none."""
        values = self.records.pop(key)
        for name, index in self.indexes().items():
            _unlink(index, values.get(name), key)
        self.deleted[key] = {**values, "IsDeleted": True}

    def _index(self, key: str, values: dict[str, Any]) -> None:
        for name, index in self._indexes.items():
            value = values.get(name)
            if value is not None:
                index.setdefault(index_key(value), []).append(key)


def _unlink(index: dict[Any, list[str]], value: Any, key: str) -> None:
    """Take a record out of an index where its old value put it."""
    if value is None:
        return
    ids = index.get(index_key(value), [])
    if key in ids:
        ids.remove(key)
    if not ids:
        index.pop(index_key(value), None)


class Store:
    """All tables of the org, and the journal that undoes a failed allOrNone call."""

    def __init__(self, schema: dict[str, SObject]) -> None:
        self.schema = schema
        self.tables = {name: Table(sobject) for name, sobject in schema.items()}
        self._by_folded = {name.casefold(): table for name, table in self.tables.items()}
        self._by_prefix = {table.sobject.prefix: table for table in self.tables.values()}
        self._journal: list[Callable[[], None]] | None = None

    def table(self, name: str) -> Table | None:
        """Return the table of an sObject; the platform ignores case in object names."""
        return self.tables.get(name) or self._by_folded.get(name.casefold())

    def table_of_id(self, any_id: str) -> Table | None:
        return self._by_prefix.get(any_id[:3])

    def put(self, table: Table, key: str, values: dict[str, Any]) -> None:
        """Store a record so that an open `atomic` block can take it back."""
        if self._journal is not None:
            old = table.records.get(key)
            self._journal.append(
                (lambda: table.put(key, old)) if old is not None else (lambda: _forget(table, key))
            )
        table.put(key, values)

    def remove(self, table: Table, key: str) -> None:
        """Delete a record so that an open `atomic` block can bring it back."""
        if self._journal is not None:
            old = table.records[key]
            self._journal.append(lambda: _restore(table, key, old))
        table.remove(key)

    @contextmanager
    def atomic(self) -> Iterator[Callable[[], None]]:
        """Journal what happens inside; calling the yielded function undoes all of it.

        Blocks nest (a collection inside an all-or-none composite): the inner journal is handed to
        the outer one, so the outer can still undo what the inner kept.
        """
        outer, mine = self._journal, list[Callable[[], None]]()
        self._journal = mine

        def undo() -> None:
            self._journal = None
            for step in reversed(mine):
                step()
            mine.clear()
            self._journal = mine

        try:
            yield undo
        finally:
            self._journal = outer
            if outer is not None:
                outer.extend(mine)


def _forget(table: Table, key: str) -> None:
    table.remove(key)
    del table.deleted[key]


def _restore(table: Table, key: str, values: dict[str, Any]) -> None:
    table.deleted.pop(key, None)
    table.put(key, values)
