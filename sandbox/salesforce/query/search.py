"""Runs a parsed SOQL query over the store and shows the rows as REST does.

An equality or IN on an indexed field (ids, external ids, parents, e-mails) reads the
index, also where an OR joins several, as the platform does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.query.children import Children, children_named
from sandbox.salesforce.query.comparing import Getter, Values, comparer, sort_rows
from sandbox.salesforce.query.soql import (
    Both,
    Column,
    Comparison,
    Condition,
    Either,
    Not,
    Query,
)
from sandbox.salesforce.records.records import Store, Table, index_key
from sandbox.salesforce.records.schema import TEXTUAL, Field


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
        candidates = self.candidates() if among is None else among
        if where is None:
            return list(candidates)
        is_match = self._test(where)
        return [values for values in candidates if is_match(values)]

    def candidates(self) -> Iterable[Values]:
        """Return the records that the indexes leave to look at: all, where none helps."""
        if self._with_deleted:
            return [*self._table.records.values(), *self._table.deleted.values()]
        ids = self._indexed(self._query.where)
        if ids is None:
            return self._table.records.values()
        return [v for key in sorted(ids) if (v := self._table.records.get(key))]

    def _indexed(self, where: Condition | None) -> set[str] | None:
        """Return the ids that the indexes leave, None where they do not help.

        One part of an AND that has an index is enough; every part of an OR needs one.
        """
        match where:
            case Both(conditions):
                known = (ids for part in conditions if (ids := self._indexed(part)) is not None)
                return next(known, None)
            case Either(conditions):
                found = [self._indexed(part) for part in conditions]
                return None if None in found else set().union(*filter(None, found))
            case Comparison(path, "=" | "IN" as operator, value):
                item = self._table.sobject.find(path)
                wanted = value if operator == "IN" else (value,)
                if item is not None and item.is_indexed and None not in wanted:
                    return {key for each in wanted for key in self._ids_with(item, each)}
        return None

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
