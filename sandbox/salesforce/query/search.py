"""Runs a parsed SOQL query over the store and shows the rows as REST does.

Comparing follows the platform: text without case, null equals nothing but null, `<` and `>` never
match null. An equality or IN on an indexed field (external ids, ids, parents) reads the index.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.query.children import Children, children_named
from sandbox.salesforce.query.soql import (
    Both,
    Column,
    Comparison,
    Condition,
    Either,
    Not,
    Order,
    Query,
)
from sandbox.salesforce.records.records import Store, Table, index_key
from sandbox.salesforce.records.schema import TEXTUAL, Field

Values = dict[str, Any]
Getter = Callable[[Values], Any]


class Search:
    """One query against one store; `base` is `/services/data/vXX.0`, for the records' URLs."""

    def __init__(
        self, store: Store, query: Query, base: str, *, with_deleted: bool = False
    ) -> None:
        self._with_deleted = with_deleted
        self._store = store
        self._query = query
        self._base = base
        table = store.table(query.sobject)
        if table is None:
            text = f"sObject type '{query.sobject}' is not supported."
            raise RequestError(400, "INVALID_TYPE", text)
        self._table: Table = table

    def rows(self, among: Sequence[Values] | None = None) -> list[Values]:
        """Return the answer's records, of all or of those given; see `count` for COUNT()."""
        query = self._query
        if query.group_by or any(column.is_count for column in query.columns):
            return self._window(self._grouped())
        plain = [column.path for column in query.columns if column.children is None]
        getters = [(path, self._getter(path)) for path in plain]
        inner = [column.children for column in query.columns if column.children is not None]
        subqueries = [self._below(query) for query in inner]
        found = self._window(self._sorted(self._matching(among)))
        shown = [self._shown(values, getters) for values in found]
        for children, search in subqueries:
            for row, parent in zip(shown, found, strict=True):
                children.add_to(row, search.rows(children.of(parent)))
        return shown

    def _below(self, inner: Query) -> tuple[Children, Search]:
        children = children_named(self._store, self._table.sobject.name, inner.sobject)
        query = dataclasses.replace(inner, sobject=children.table.sobject.name)
        return children, Search(self._store, query, self._base)

    def count(self) -> int:
        return len(self._matching())

    def _matching(self, among: Sequence[Values] | None = None) -> list[Values]:
        where = self._query.where
        candidates = self._candidates(where) if among is None else among
        if where is None:
            return list(candidates)
        is_match = self._test(where)
        return [values for values in candidates if is_match(values)]

    def _candidates(self, where: Condition | None) -> Iterable[Values]:
        """Return the records an index leaves to look at, or all."""
        if self._with_deleted:
            return [*self._table.records.values(), *self._table.deleted.values()]
        parts = where.conditions if isinstance(where, Both) else (where,)
        for part in parts:
            if isinstance(part, Comparison) and part.operator in ("=", "IN"):
                item = self._table.sobject.find(part.path)
                wanted = part.value if part.operator == "IN" else (part.value,)
                if item is not None and (item.is_indexed or item.name == "Id"):
                    if None in wanted:
                        continue
                    ids = {k for v in wanted for k in self._ids_with(item, v)}
                    return [v for key in sorted(ids) if (v := self._table.records.get(key))]
        return self._table.records.values()

    def _ids_with(self, item: Field, value: Any) -> list[str]:
        if item.refers_to and isinstance(value, str):
            value = self._table.resolve(value)
        return self._table.ids_with(item.name, value)

    def _test(self, condition: Condition) -> Callable[[Values], bool]:
        match condition:
            case Both(conditions):
                tests = [self._test(item) for item in conditions]
                return lambda values: all(test(values) for test in tests)
            case Either(conditions):
                tests = [self._test(item) for item in conditions]
                return lambda values: any(test(values) for test in tests)
            case Not(inner):
                test = self._test(inner)
                return lambda values: not test(values)
            case Comparison(path, operator, value):
                getter, item = self._getter(path), self._field(path)
                compare = comparer(operator, self._literal(item, value))
                return lambda values: compare(getter(values))

    def _literal(self, item: Field, value: Any) -> Any:
        """Return the value as it is compared; refuses a text where a number or date belongs."""
        if isinstance(value, tuple):
            return tuple(self._literal(item, entry) for entry in value)
        if isinstance(value, str) and item.type in ("id", "reference"):
            return self._table.resolve(value)
        is_quoted_type = item.type in TEXTUAL or item.type in ("date", "datetime")
        is_number_where_text = isinstance(value, (int, float)) and is_quoted_type
        is_text_where_number = isinstance(value, str) and not is_quoted_type
        if value is not None and (is_number_where_text or is_text_where_number):
            raise RequestError(
                400,
                "INVALID_FIELD",
                f"value of filter criterion for field '{item.name}' must be of type {item.type}",
            )
        return value

    def _field(self, path: str) -> Field:
        table, names = self._table, path.split(".")
        for relationship in names[:-1]:
            reference = table.sobject.reference_named(relationship)
            if reference is None:
                raise RequestError(
                    400,
                    "INVALID_FIELD",
                    f"Didn't understand relationship '{relationship}' in field path. If you are "
                    "attempting to use a custom relationship, be sure to append the '__r' after "
                    "the custom relationship name.",
                )
            table = self._store.tables[reference.refers_to]
        item = table.sobject.find(names[-1])
        if item is None:
            text = f"No such column '{names[-1]}' on entity '{table.sobject.name}'"
            raise RequestError(400, "INVALID_FIELD", text)
        return item

    def _getter(self, path: str) -> Getter:
        """Return what reads the path of a record, through its parents."""
        name = self._field(path).name
        table, steps = self._table, []
        for relationship in path.split(".")[:-1]:
            reference = table.sobject.reference_named(relationship)
            if reference is not None:
                table = self._store.tables[reference.refers_to]
                steps.append((reference.name, table.records))

        def read(values: Values) -> Any:
            for reference_name, records in steps:
                parent = records.get(values.get(reference_name) or "")
                if parent is None:
                    return None
                values = parent
            return values.get(name)

        return read

    def _sorted(self, rows: list[Values]) -> list[Values]:
        for order in reversed(self._query.order_by):
            getter = self._getter(order.path)
            rows = sort_rows(rows, getter, order)
        return rows

    def _window(self, rows: list[Values]) -> list[Values]:
        start, limit = self._query.offset, self._query.limit
        return rows[start : None if limit is None else start + limit]

    def _shown(self, values: Values, getters: list[tuple[str, Getter]]) -> Values:
        name = self._table.sobject.name
        url = f"{self._base}/sobjects/{name}/{values['Id']}"
        row: Values = {"attributes": {"type": name, "url": url}}
        for path, getter in getters:
            *parents, _ = path.split(".")
            if parents:
                self._put_nested(row, values, path, getter)
            else:
                row[self._field(path).name] = getter(values)
        return row

    def _put_nested(self, row: Values, values: Values, path: str, getter: Getter) -> None:
        """Put `Account.Name` into the row as `{"Account": {"Name": …}}`, or null without parent."""
        table, place, record = self._table, row, values
        names = path.split(".")
        for relationship in names[:-1]:
            reference = table.sobject.reference_named(relationship)
            if reference is None:
                return
            table = self._store.tables[reference.refers_to]
            parent = table.records.get(record.get(reference.name) or "")
            if parent is None:
                place[reference.relationship] = None
                return
            record, name = parent, table.sobject.name
            url = f"{self._base}/sobjects/{name}/{parent['Id']}"
            empty = {"attributes": {"type": name, "url": url}}
            place = place.setdefault(reference.relationship, empty)
        place[self._field(path).name] = getter(values)

    def _grouped(self) -> list[Values]:
        query = self._query
        getters = [self._getter(path) for path in query.group_by]
        groups: dict[tuple[Any, ...], list[Values]] = {}
        for values in self._matching():
            key = tuple(index_key(getter(values)) for getter in getters)
            groups.setdefault(key, []).append(values)
        if not query.group_by:
            groups = groups or {(): []}
        kept = [rows for rows in groups.values() if self._passes_having(rows)]
        return [self._group_row(rows) for rows in kept]

    def _passes_having(self, rows: list[Values]) -> bool:
        having = self._query.having
        if having is None:
            return True
        if not isinstance(having, Comparison) or not having.path.startswith("COUNT("):
            raise RequestError(400, "MALFORMED_QUERY", "HAVING takes one comparison of COUNT")
        path = having.path[len("COUNT(") : -1]
        return comparer(having.operator, having.value)(self._count_of(rows, path))

    def _count_of(self, rows: list[Values], path: str) -> int:
        if not path:
            return len(rows)
        getter = self._getter(path)
        return sum(getter(values) is not None for values in rows)

    def _group_row(self, rows: list[Values]) -> Values:
        row: Values = {"attributes": {"type": "AggregateResult"}}
        unnamed = 0
        for column in self._query.columns:
            if column.is_count:
                name = column.alias or f"expr{unnamed}"
                unnamed += not column.alias
                row[name] = self._count_of(rows, column.path)
            else:
                row[self._grouping_name(column)] = self._getter(column.path)(rows[0])
        return row

    def _grouping_name(self, column: Column) -> str:
        if column.path not in self._query.group_by:
            text = f"Field must be grouped or aggregated: {column.path}"
            raise RequestError(400, "MALFORMED_QUERY", text)
        return self._field(column.path).name


def sort_rows(rows: list[Values], getter: Getter, order: Order) -> list[Values]:
    """Return the rows in order; nulls come first unless the query says last."""
    empty = [row for row in rows if getter(row) is None]
    filled = [row for row in rows if getter(row) is not None]
    filled.sort(key=lambda row: index_key(getter(row)), reverse=order.is_descending)
    return filled + empty if order.are_nulls_last else empty + filled


def comparer(operator: str, wanted: Any) -> Callable[[Any], bool]:
    """Return the test of one comparison, e.g. `comparer(">", 3)(4)` is true."""
    if operator in ("IN", "NOT IN"):
        keys = {index_key(value) for value in wanted}
        is_in = operator == "IN"
        return lambda value: (index_key(value) in keys) is is_in
    if operator == "LIKE":
        pattern = _like(str(wanted))
        return lambda value: value is not None and pattern.fullmatch(str(value)) is not None
    key = index_key(wanted)
    if operator == "=":
        return lambda value: bool(index_key(value) == key)
    if operator == "!=":
        return lambda value: bool(index_key(value) != key)
    ordered = _ORDERED[operator]
    return lambda value: value is not None and key is not None and ordered(index_key(value), key)


_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    ">": lambda a, b: bool(a > b),
    "<=": lambda a, b: bool(a <= b),
    ">=": lambda a, b: bool(a >= b),
}


def _like(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a LIKE pattern: `%` any text, `_` any character."""
    parts = {"%": ".*", "_": "."}
    text = "".join(parts.get(char, re.escape(char)) for char in pattern)
    return re.compile(text, re.IGNORECASE | re.DOTALL)
