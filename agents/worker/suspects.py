"""Events that were in hand when a worker died: taken apart, until it is known who killed it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

from agents.handling.poison_pills import PoisonPillJournal
from agents.worker.offset_ledger import HeldEvent


class Suspects:
    """Those that wait for their turn, in the order in which they came."""

    def __init__(self, journal: PoisonPillJournal) -> None:
        self._journal = journal
        self._waiting: deque[HeldEvent] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def least_taken(self) -> int:
        """Return how many events to look through at once, so that a part of them is one batch."""
        return self._journal.part if self._journal.has_suspects else 0

    def put_aside(self, events: list[HeldEvent]) -> list[HeldEvent]:
        """Keep the keys with an event that may have killed a worker; return the other events."""
        if not self._journal.has_suspects:
            return events
        suspected = self._journal.is_suspect
        keys = {held.key for held in events if suspected(held.envelope.event_id)}
        self._waiting += [held for held in events if held.key in keys]
        return [held for held in events if held.key not in keys]

    def next_part(self, most: int) -> Sequence[HeldEvent]:
        """Return whom to take now with nothing else in hand, `most` at the most."""
        part: list[HeldEvent] = []
        while self._waiting:
            most = min(most, self._journal.most_together(self._waiting[0].envelope.event_id))
            if part and len(part) >= most:
                break
            part.append(self._waiting.popleft())
        return part

    def forget(self, gone: Collection[HeldEvent]) -> None:
        """Leave out events that are another worker's now."""
        self._waiting = deque(held for held in self._waiting if held not in gone)
