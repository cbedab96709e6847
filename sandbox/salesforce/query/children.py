"""Parent-to-child subqueries: `SELECT Id, (SELECT Email FROM Contacts) FROM Account`.

WHERE, ORDER BY and LIMIT of the inner query hold for each parent by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.records.records import Store, Table
from sandbox.salesforce.records.schema import Field, children_of

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Children:
    """The children of records: their table, and the field that links them to their parent."""

    table: Table
    link: Field

    def of(self, parent: Values) -> list[Values]:
        """Return the records below a parent."""
        keys = self.table.ids_with(self.link.name, parent["Id"])
        return [self.table.records[key] for key in keys]

    def add_to(self, row: Values, records: Sequence[Values]) -> None:
        """Put the children found into their parent's row of the answer; null for none."""
        answer = {"totalSize": len(records), "done": True, "records": records}
        row[self.link.children] = answer if records else None


def children_named(store: Store, parent: str, name: str) -> Children:
    """Return the children by their relationship's name; raises RequestError when there is none."""
    found = next(children_of(parent, store.schema, name), None)
    if found is None:
        text = (
            f"Didn't understand relationship '{name}' in FROM part of query call. If you are "
            "attempting to use a custom relationship, be sure to append the '__r' after the "
            "custom relationship name. Please reference your WSDL or the describe call for the "
            "appropriate names."
        )
        raise RequestError(400, "INVALID_TYPE", text)
    return Children(store.tables[found[0].name], found[1])
