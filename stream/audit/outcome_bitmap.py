"""One byte per event: what became of each, in the least memory that can be exact.

A million events are a million bytes. The place in the array is the offset, the byte is the best
outcome seen so far; best means: what Salesforce has wins over what was decided not to send, and
that over a failure, because a requeue may turn a dead event into a synced one.

| mark | meaning | counts as |
|---|---|---|
| 0 NO_RECORD | no event at this offset (a gap in the log) | nothing |
| 1 PRESUMED | the log has this offset; neither record nor outcome was seen yet | nothing |
| 2 UNANSWERED | accepted, nothing is known of it | pending |
| 3 WAITING | in a retry tier, or parked by an outage | pending |
| 4 DEAD · 5 SUPERSEDED · 6 UNCHANGED · 7 SYNCED | final | itself |
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.result import Outcome

NO_RECORD, PRESUMED, UNANSWERED, WAITING, DEAD, SUPERSEDED, UNCHANGED, SYNCED = range(8)

# Offsets that are asked for one range at a time: ranges closer than this are one.
JOIN_OFFSETS = 2_000
MAX_RANGES = 32
PRESUMED_RUN = re.compile(bytes([PRESUMED]) + b"+")

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
        return Balance(
            accepted=self.accepted + other.accepted,
            synced=self.synced + other.synced,
            unchanged=self.unchanged + other.unchanged,
            superseded=self.superseded + other.superseded,
            dead=self.dead + other.dead,
            pending=self.pending + other.pending,
            waiting=self.waiting + other.waiting,
        )

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


@dataclass(slots=True)
class OutcomeBitmap:
    """The marks of one partition's events, offsets [start, end)."""

    start: int
    end: int
    accepted: int = 0
    marks: bytearray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.marks = bytearray(max(0, self.end - self.start))

    def accept(self, offset: int) -> None:
        """Note that there is an event at an offset; a second time changes nothing."""
        index = offset - self.start
        if self.marks[index] <= PRESUMED:
            self.accepted += 1
            self.marks[index] = UNANSWERED

    def presume(self) -> None:
        """Take every offset of the log for an event until its outcome or its record says so.

        An outcome proves that its event was there. So only the offsets without one must be read.
        """
        self.marks = bytearray([PRESUMED]) * len(self.marks)

    def presumed_ranges(self) -> list[tuple[int, int]]:
        """Return ranges [start, end) that hold all offsets still presumed."""
        ranges: list[tuple[int, int]] = []
        for run in PRESUMED_RUN.finditer(self.marks):
            start, end = self.start + run.start(), self.start + run.end()
            if ranges and start - ranges[-1][1] < JOIN_OFFSETS:
                ranges[-1] = (ranges[-1][0], end)
            else:
                ranges.append((start, end))
        return ranges if len(ranges) <= MAX_RANGES else [(ranges[0][0], ranges[-1][1])]

    def forget_presumed(self) -> None:
        """Presumed offsets whose records were not found are gaps in the log."""
        self.marks = self.marks.replace(bytes([PRESUMED]), bytes([NO_RECORD]))

    def accept_until(self, end: int) -> None:
        """Note events at every offset up to `end`: for who knows the log's end, not its records."""
        count = end - self.start - len(self.marks)
        if count > 0:
            self.marks += bytes([UNANSWERED]) * count
            self.accepted += count
            self.end = end

    def forget_before(self, offset: int) -> None:
        """Drop the events below an offset: retention took them, or a window has moved on."""
        count = min(offset - self.start, len(self.marks))
        if count > 0:
            self.accepted -= count - self.marks.count(NO_RECORD, 0, count)
            del self.marks[:count]
            self.start += count

    def settle(self, offset: int, mark: int) -> int | None:
        """Note an outcome; returns the mark before it, or None when it is no event of ours."""
        index = offset - self.start
        if not 0 <= index < len(self.marks):
            return None
        before = self.marks[index]
        if before == NO_RECORD:
            return None
        if before == PRESUMED:
            self.accepted += 1
            before = UNANSWERED
        if mark > before:
            self.marks[index] = mark
        return before

    def is_waiting(self, offset: int) -> bool:
        """Whether the event's best outcome so far is a retry or a park."""
        return self.marks[offset - self.start] == WAITING

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

    def unanswered_offsets(self) -> Iterator[int]:
        """Yield the offsets without any outcome, oldest first."""
        index = self.marks.find(UNANSWERED)
        while index >= 0:
            yield self.start + index
            index = self.marks.find(UNANSWERED, index + 1)
