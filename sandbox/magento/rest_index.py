"""The rows behind the simulated REST API: searched by index, documents made when they are shown.

A hundred thousand orders are a hundred thousand small tuples; what an order looks like is computed
from its number. A saved order replaces the generated one and moves to its new second, as rows do.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
Place = tuple[str, int]  # (updated_at, entity_id)
LAST_ID = 2**63
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter of a search as the REST API names it."""

    field: str
    value: str
    condition: str

    def holds(self, row: Document) -> bool:
        """Whether a document satisfies it; numbers compare as numbers, as in the database."""
        raw = row.get(self.field)
        if raw is None:
            return False
        if self.condition == "in":
            return str(raw) in self.value.split(",")
        have: Any = raw
        want: Any = self.value
        if isinstance(raw, int | float):
            try:
                want = float(self.value)
            except ValueError:
                return False
        return bool(COMPARE[self.condition](have, want))

    @property
    def is_lower_bound(self) -> bool:
        return self.field == "updated_at" and self.condition in ("gt", "gteq")


@dataclass(slots=True)
class Rows:
    """Documents by id, in the order of (updated_at, entity_id).

    `make(entity_id)` gives a generated document; `saved` are those that were saved since.
    """

    make: Callable[[int], Document] | None = None
    places: list[Place] = field(default_factory=list)
    saved: dict[int, Document] = field(default_factory=dict)
    seconds: dict[int, str] = field(default_factory=dict)

    @classmethod
    def generated(
        cls, count: int, make: Callable[[int], Document], second_of: Callable[[int], str]
    ) -> Rows:
        """Return rows 1 … count; `second_of` must give what `make` writes into `updated_at`."""
        seconds = {number: second_of(number) for number in range(1, count + 1)}
        places = sorted((second, number) for number, second in seconds.items())
        return cls(make=make, places=places, seconds=seconds)

    def save(self, document: Document) -> None:
        """Insert or replace a document; it moves to its own second."""
        number = id_of(document)
        before = self.seconds.get(number)
        if before is not None:
            del self.places[bisect_left(self.places, (before, number))]
        self.seconds[number] = document["updated_at"]
        self.saved[number] = document
        insort(self.places, (document["updated_at"], number))

    def remove(self, number: int) -> None:
        del self.places[bisect_left(self.places, (self.seconds.pop(number), number))]
        self.saved.pop(number, None)

    def document(self, number: int) -> Document | None:
        """Return a document by its id."""
        if number not in self.seconds:
            return None
        if number in self.saved or self.make is None:
            return self.saved.get(number)
        return self.make(number)

    def __len__(self) -> int:
        return len(self.places)

    def find(self, groups: list[list[Condition]]) -> Matches:
        """Return what satisfies every group (any condition of it)."""
        ids = next((g[0] for g in groups if len(g) == 1 and _names_ids(g[0])), None)
        if ids is not None:
            numbers = [int(text) for text in ids.value.split(",") if text.isdecimal()]
            places = sorted((self.seconds[n], n) for n in set(numbers) if n in self.seconds)
            return Matches(self, [p for p in places if self._fits(p, groups)], 0, 0)
        low, high, others = 0, len(self.places), []
        for group in groups:
            item = group[0]
            is_bound = len(group) == 1 and item.field == "updated_at"
            match item.condition if is_bound else "":
                case "gteq":
                    low = max(low, bisect_left(self.places, (item.value, -1)))
                case "gt":
                    low = max(low, bisect_right(self.places, (item.value, LAST_ID)))
                case "lteq":
                    high = min(high, bisect_right(self.places, (item.value, LAST_ID)))
                case _:
                    others.append(group)
        return self._narrowed(low, high, others)

    def _narrowed(self, low: int, high: int, groups: list[list[Condition]]) -> Matches:
        """Check the other groups, but only on rows that their time bounds do not pass anyway."""
        cut = low
        for group in groups:
            bounds = [item.value for item in group if item.is_lower_bound]
            end = bisect_right(self.places, (min(bounds), LAST_ID)) if bounds else high
            cut = max(cut, end)
        cut = min(cut, high)
        head = [place for place in self.places[low:cut] if self._fits(place, groups)]
        return Matches(self, head, cut, high)

    def _fits(self, place: Place, groups: list[list[Condition]]) -> bool:
        row: Document = {"updated_at": place[0], "entity_id": place[1]}
        names = {item.field for group in groups for item in group}
        if names - row.keys():
            row = {**(self.document(place[1]) or {}), **row}
        return all(any(item.holds(row) for item in group) for group in groups)


@dataclass(frozen=True, slots=True)
class Matches:
    """Rows that were found: `head`, then everything at positions [start, end), by time."""

    rows: Rows
    head: list[Place]
    start: int
    end: int

    def __len__(self) -> int:
        return len(self.head) + max(0, self.end - self.start)

    def page(self, first: int, count: int, *, is_descending: bool) -> Iterator[Document]:
        """Yield documents first … first+count of the ascending or descending order."""
        total = len(self)
        positions = range(first, min(first + count, total))
        for position in positions:
            place = self._place(total - 1 - position if is_descending else position)
            document = self.rows.document(place[1])
            if document is not None:
                yield document

    def by_id(self) -> Matches:
        """Return the same rows in the order of their ids."""
        places = [*self.head, *self.rows.places[self.start : self.end]]
        return Matches(self.rows, sorted(places, key=lambda place: place[1]), 0, 0)

    def _place(self, position: int) -> Place:
        if position < len(self.head):
            return self.head[position]
        return self.rows.places[self.start + position - len(self.head)]


def id_of(document: Document) -> int:
    """Return the id of an order (entity_id) or of a customer (id)."""
    return int(document.get("entity_id") or document["id"])


def _names_ids(item: Condition) -> bool:
    return item.field == "entity_id" and item.condition in ("in", "eq")
