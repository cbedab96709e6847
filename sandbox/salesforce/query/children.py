"""Parent-to-child subqueries: `SELECT Id, (SELECT Email FROM Contacts) FROM Account`.

WHERE, ORDER BY and LIMIT of the inner query hold for each parent by itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.query.soql import Query
from sandbox.salesforce.records.records import Store, Table
from sandbox.salesforce.records.schema import Field, SObject, children_of

Values = dict[str, Any]


class RunQuery(Protocol):
    """`sandbox.salesforce.query.search.Search`."""

    def rows(self, among: Sequence[Values] | None = None) -> list[Values]: ...


class MakeSearch(Protocol):
    """Makes a search; its constructor checks the query."""

    def __call__(self, store: Store, query: Query, base: str, /) -> RunQuery: ...


class Children:
    """One subquery of a query over `parent`; raises RequestError for an unknown relationship."""

    def __init__(
        self, store: Store, parent: Table, inner: Query, base: str, search: MakeSearch
    ) -> None:
        child, self._link = _relationship(store, parent.sobject.name, inner.sobject)
        self._table = store.tables[child.name]
        self._search = search(store, dataclasses.replace(inner, sobject=child.name), base)

    def add_to(self, shown: Sequence[Values], found: Sequence[Values]) -> None:
        """Put each parent's children into its row of the answer; null where it has none."""
        for row, parent in zip(shown, found, strict=True):
            keys = self._table.ids_with(self._link.name, parent["Id"])
            records = self._search.rows([self._table.records[key] for key in keys])
            answer = {"totalSize": len(records), "done": True, "records": records}
            row[self._link.children] = answer if records else None


def _relationship(store: Store, parent: str, name: str) -> tuple[SObject, Field]:
    found = next(children_of(parent, store.schema, name), None)
    if found is None:
        text = (
            f"Didn't understand relationship '{name}' in FROM part of query call. If you are "
            "attempting to use a custom relationship, be sure to append the '__r' after the "
            "custom relationship name. Please reference your WSDL or the describe call for the "
            "appropriate names."
        )
        raise RequestError(400, "INVALID_TYPE", text)
    return found
