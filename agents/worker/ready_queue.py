"""The queue of what can be worked next: one order at a time in one pair of hands. Pure.

Events of one key wait together and are taken together, in the order of their arrival; while some of
a key are being worked, later ones of it wait, and so do taken ones that are put back. Keys are
taken live before replay before backfill, each in the order of arrival; every so often the least
urgent go first, so that nobody starves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from agents.worker.offset_ledger import HeldEvent
from schemas.priority import Priority

LEAST_URGENT_EVERY = 5  # takes


class ReadyQueue:
    """Which events wait, and which keys are being worked."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, list[HeldEvent]] = {}
        self._working: dict[bytes, int] = {}
        self._ready: dict[Priority, deque[bytes]] = {priority: deque() for priority in Priority}
        self._urgency: dict[bytes, Priority] = {}  # of keys that are ready
        self._takes = 0

    def __len__(self) -> int:
        """How many keys could be taken now."""
        return len(self._urgency)

    @property
    def live(self) -> int:
        """How many of them stand in the most urgent line: it may still name some that are gone."""
        return len(self._ready[Priority.LIVE])

    def add(self, held: HeldEvent) -> None:
        """Put an event behind those of its key."""
        self._waiting.setdefault(held.key, []).append(held)
        if held.key not in self._working:
            self._line_up(held.key, held.priority)

    def take(self, keys: int, *, is_mixed: bool = True) -> list[HeldEvent]:
        """Return everything that waits for so many keys, and keep later events of them back.

        Unless it is mixed, what is urgent is taken without what is less so.
        """
        self._takes += 1
        order = list(Priority)
        if self._takes % LEAST_URGENT_EVERY == 0:
            order.reverse()
        taken: list[HeldEvent] = []
        for priority in order:
            line = self._ready[priority]
            while line and keys > 0:
                key = line.popleft()
                if self._urgency.get(key) is not priority:
                    continue  # it stands in a more urgent line, or is gone
                del self._urgency[key]
                events = self._cut(key)
                self._working[key] = len(events)
                taken += events
                keys -= 1
            if taken and not is_mixed:
                break
        return taken

    def finish(self, events: Iterable[HeldEvent]) -> None:
        """Note that taken events are over; a key's later events are ready with the last of them."""
        for held in events:
            left = self._working[held.key] - 1
            if left:
                self._working[held.key] = left
                continue
            del self._working[held.key]
            if waiting := self._waiting.get(held.key):
                self._line_up(held.key, min(event.priority for event in waiting))

    def put_back(self, events: Sequence[HeldEvent]) -> None:
        """Put taken events before those of their key that wait: the others of it come first."""
        for held in reversed(events):
            self._working[held.key] -= 1
            self._waiting.setdefault(held.key, []).insert(0, held)

    def forget(self, events: Iterable[HeldEvent]) -> None:
        """Remove events that wait."""
        for held in events:
            waiting = self._waiting[held.key]
            waiting.remove(held)
            if not waiting:
                del self._waiting[held.key]
                self._urgency.pop(held.key, None)

    def is_waiting(self, held: HeldEvent) -> bool:
        return held in self.waiting_for(held.key)

    def waiting_for(self, key: bytes) -> Sequence[HeldEvent]:
        """Return what waits of a key."""
        return self._waiting.get(key, ())

    def _cut(self, key: bytes) -> list[HeldEvent]:
        """Take a key's events: up to one that is to be taken alone, or that one."""
        events = self._waiting.pop(key)
        alone = next((n for n, held in enumerate(events) if held.is_alone), len(events))
        count = alone or 1 if alone < len(events) else alone
        if events[count:]:
            self._waiting[key] = events[count:]
        return events[:count]

    def _line_up(self, key: bytes, priority: Priority) -> None:
        urgency = self._urgency.get(key)
        if urgency is None or priority < urgency:
            self._urgency[key] = priority
            self._ready[priority].append(key)
