"""The balance of events and outcomes, by event id: one logic for `audit` and the dashboard. Pure.

An outcome names its event by id and says where it was read. The place is only where to look first:
what counts is that the record there is that event. Where it is not, the log was cut, made again or
mirrored since, and the outcome is kept aside as a stray: if the same event is in the log at
another place, it counts there; if it is not, it counts nowhere.

A record without an event id (somebody else wrote into the topic) goes by its coordinates, which
another life of the topic has too. So of those an outcome counts only if it is not older than the
record. For all others no clock is asked: clocks jump.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.headers import coordinates_id, event_id_in
from stream.audit.outcome_bitmap import MARK_OF, Balance, OutcomeBitmap, fingerprint

Place = tuple[str, int]  # topic, partition

# Outcomes carry the workers' clock, records the ingress's or the broker's.
CLOCK_SKEW_MS = 10 * 60 * 1000
MOST_STRAYS = 5_000_000  # about 100 bytes each


@dataclass(frozen=True, slots=True)
class Settled:
    """What an outcome changed: the mark before it, None when no event here is its own."""

    where: Place
    offset: int
    mark: int
    before: int | None


@dataclass(slots=True)
class EventBook:
    """Every accepted event with its best outcome. Events are noted before their outcomes."""

    books: dict[Place, OutcomeBitmap] = field(default_factory=dict)
    strays: dict[int, int] = field(default_factory=dict)
    born_ms: dict[tuple[Place, int], int] = field(default_factory=dict)
    most_strays: int = MOST_STRAYS
    moved: int = 0
    _new_strays: set[int] = field(default_factory=set)

    def accept(self, record: Any) -> None:
        """Note a record of a fact topic; its partition's book has room for it."""
        where = (record.topic, record.partition)
        name = event_id_in(record.headers)
        if not name:
            name = coordinates_id(record.topic, record.partition, record.offset)
            self.born_ms[where, record.offset] = record.timestamp
        event = fingerprint(name)
        self.books[where].accept(record.offset, event)
        if event in self.strays:
            self.moved += (
                self.books[where].settle(record.offset, event, self.strays[event]) is not None
            )

    def settle(self, result: Mapping[str, Any]) -> Settled:
        """Note an outcome, as `read_result` gives it."""
        where = (result["origin_topic"], result["origin_partition"])
        offset, mark = result["origin_offset"], MARK_OF[result["outcome"]]
        book, event = self.books.get(where), fingerprint(result["event_id"])
        born_ms = self.born_ms.get((where, offset)) if self.born_ms else None
        if book is None or (born_ms is not None and result["at_ms"] + CLOCK_SKEW_MS < born_ms):
            return Settled(where, offset, mark, None)
        before = book.settle(offset, event, mark)
        if before is None and event != fingerprint(coordinates_id(*where, offset)):
            self._keep_aside(event, mark)
        return Settled(where, offset, mark, before)

    def _keep_aside(self, event: int, mark: int) -> None:
        self._new_strays.add(event)
        if event in self.strays:
            self.strays[event] = max(mark, self.strays[event])
        else:
            if len(self.strays) >= self.most_strays:
                del self.strays[next(iter(self.strays))]
            self.strays[event] = mark

    def settle_strays(self) -> None:
        """Give strays to their events wherever they are now; `moved` counts what found one."""
        new, self._new_strays = self._new_strays, set()
        for book in self.books.values() if new else ():
            for index, event in enumerate(book.ids):
                if event in new and event in self.strays:
                    before = book.settle(book.start + index, event, self.strays[event])
                    self.moved += before is not None

    def balance(self) -> Balance:
        return sum((book.balance() for book in self.books.values()), Balance())
