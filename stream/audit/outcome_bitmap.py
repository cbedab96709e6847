"""Nine bytes per event: which one it is, and what became of it.

The place in the arrays is the offset; a fingerprint of the event id says which event is there, so
that an outcome counts for the event that it names, never for whatever has its offset now. The mark
is the best outcome seen so far; best means: what Salesforce has wins over what was decided not to
send, and that over a failure, because a requeue may turn a dead event into a synced one.

| mark | meaning | counts as |
|---|---|---|
| 0 NO_RECORD | no event at this offset (a gap in the log) | nothing |
| 1 UNANSWERED | accepted, nothing is known of it | pending |
| 2 WAITING | in a retry tier, or parked by an outage | pending |
| 3 DEAD · 4 SUPERSEDED · 5 UNCHANGED · 6 SYNCED | final | itself |
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from hashlib import blake2b
from operator import add

from schemas.result import Outcome

NO_RECORD, UNANSWERED, WAITING, DEAD, SUPERSEDED, UNCHANGED, SYNCED = range(7)

MARK_OF: dict[str, int] = {
    Outcome.SYNCED: SYNCED,
    Outcome.UNCHANGED: UNCHANGED,
    Outcome.SUPERSEDED: SUPERSEDED,
    Outcome.DEAD: DEAD,
    Outcome.RETRY: WAITING,
    Outcome.PARKED: WAITING,
}


@dataclass(frozen=True, slots=True)
class Balance:
    """How many events were accepted, and what became of them. `waiting` is part of `pending`."""

    accepted: int = 0
    synced: int = 0
    unchanged: int = 0
    superseded: int = 0
    dead: int = 0
    pending: int = 0
    waiting: int = 0

    def __add__(self, other: Balance) -> Balance:
        return Balance(*map(add, astuple(self), astuple(other)))

    @property
    def is_balanced(self) -> bool:
        """Whether accepted = synced + unchanged + superseded + dead + pending."""
        total = self.synced + self.unchanged + self.superseded + self.dead + self.pending
        return self.accepted == total

    @property
    def line(self) -> str:
        """The balance as one line of text, the form every report and page uses."""
        sign = "=" if self.is_balanced else "≠"
        return (
            f"accepted {self.accepted:,} {sign} synced {self.synced:,} + unchanged "
            f"{self.unchanged:,} + superseded {self.superseded:,} + dead {self.dead:,} "
            f"+ pending {self.pending:,}"
        )


def fingerprint(event_id: str) -> int:
    """Return 64 bits that stand for an event id."""
    return int.from_bytes(blake2b(event_id.encode(errors="replace"), digest_size=8).digest())


@dataclass(slots=True)
class OutcomeBitmap:
    """The events of one partition and their marks, offsets [start, end)."""

    start: int
    end: int
    accepted: int = 0
    marks: bytearray = field(init=False, repr=False)
    ids: array[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = max(0, self.end - self.start)
        self.marks = bytearray(size)
        self.ids = array("Q", bytes(8 * size))

    def accept(self, offset: int, event: int) -> None:
        """Note which event is at an offset; a second time changes nothing."""
        index = offset - self.start
        if 0 <= index < len(self.marks) and self.marks[index] == NO_RECORD:
            self.accepted += 1
            self.marks[index] = UNANSWERED
            self.ids[index] = event

    def extend_to(self, end: int) -> None:
        """Make room for what the log has gained."""
        count = end - self.start - len(self.marks)
        if count > 0:
            self.marks += bytes(count)
            self.ids.frombytes(bytes(8 * count))
            self.end = end

    def forget_before(self, offset: int) -> None:
        """Drop the events below an offset: retention took them, or a window has moved on."""
        count = min(offset - self.start, len(self.marks))
        if count > 0:
            self.accepted -= count - self.marks.count(NO_RECORD, 0, count)
            del self.marks[:count]
            del self.ids[:count]
            self.start += count

    def settle(self, offset: int, event: int, mark: int) -> int | None:
        """Note an outcome; returns the mark before it, or None when it is another event's."""
        index = offset - self.start
        if not 0 <= index < len(self.marks) or self.ids[index] != event:
            return None
        before = self.marks[index]
        if before == NO_RECORD:
            return None
        if mark > before:
            self.marks[index] = mark
        return before

    def mark_at(self, offset: int) -> int:
        """Return the mark of an offset inside the range."""
        return self.marks[offset - self.start]

    def balance(self) -> Balance:
        count = self.marks.count
        waiting = count(WAITING)
        return Balance(
            accepted=self.accepted,
            synced=count(SYNCED),
            unchanged=count(UNCHANGED),
            superseded=count(SUPERSEDED),
            dead=count(DEAD),
            pending=count(UNANSWERED) + waiting,
            waiting=waiting,
        )

    def unanswered(self, *, before_offset: int | None = None) -> int:
        """Return how many events have no outcome at all, optionally below an offset only."""
        stop = len(self.marks) if before_offset is None else max(0, before_offset - self.start)
        return self.marks.count(UNANSWERED, 0, stop)

    def unanswered_events(self) -> Iterator[tuple[int, int]]:
        """Yield (offset, event) of the events without any outcome, oldest first."""
        index = self.marks.find(UNANSWERED)
        while index >= 0:
            yield self.start + index, self.ids[index]
            index = self.marks.find(UNANSWERED, index + 1)


@dataclass(slots=True)
class DeletedEvents:
    """Offsets [start, end) that retention deleted: events of which only outcomes are left."""

    start: int
    end: int
    has_outcome: bytearray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.has_outcome = bytearray(self.end - self.start)

    def settle(self, offset: int) -> None:
        """Note that an offset has an outcome."""
        if 0 <= offset - self.start < len(self.has_outcome):
            self.has_outcome[offset - self.start] = 1

    def unanswered(self) -> int:
        """Return how many offsets have none."""
        return self.has_outcome.count(0)
