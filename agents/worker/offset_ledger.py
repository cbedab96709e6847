"""The ledger: which events are in hand, and how far each partition may be committed. Pure.

Events are worked out of order and acknowledged in order. Faust takes every acknowledged offset for
a licence to commit up to it (faust-streaming #606), so it is told of an event only when everything
before it in its partition is done. An event that takes long holds back commits, and nothing else;
how much may be held back is bounded in events and bytes.

Two bounds on events: what is worked on (`max_events`), and, far above it, what is done and waits
behind something slower, or stands untouched behind a long line (`DONE_FACTOR` times as many): one
call that hangs to its deadline, or one customer's thousand orders, must not stop everybody. The
second is what a kill redelivers at most, all that was done of it known as written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from schemas.event import Envelope
from schemas.priority import Priority

Source = tuple[str, int]  # topic, partition
DONE_FACTOR = 25


class Phase(Enum):
    """How far an event in hand is. Only what waits or stands behind may still be dropped."""

    WAITING = auto()
    BEHIND = auto()  # a long line: see agents.worker.long_lines
    WORKING = auto()
    DONE = auto()


WAITS = (Phase.WAITING, Phase.BEHIND)


@dataclass(slots=True, eq=False)
class HeldEvent:
    """An event in hand. `message` is Faust's; `taken_at` is of the clock that stops in outages."""

    envelope: Envelope
    source: Source
    offset: int
    key: bytes
    priority: Priority = Priority.LIVE
    taken_at: float = 0.0
    message: Any = None
    phase: Phase = Phase.WAITING
    is_alone: bool = False  # an operator's: taken when the key's earlier events are over

    @property
    def size(self) -> int:
        return len(self.envelope.value)


class OffsetLedger:
    """Acknowledges from the head of each partition. `ack` and `drop` tell the consumer."""

    def __init__(
        self,
        *,
        ack: Callable[[HeldEvent], None],
        drop: Callable[[HeldEvent], None],
        max_events: int,
        max_bytes: int,
    ) -> None:
        self._ack = ack
        self._drop = drop
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._queues: dict[Source, deque[HeldEvent]] = {}
        self._dropped: dict[Source, int] = {}  # nothing behind these is acknowledged any more
        self.events = 0
        self.undone = 0
        self.bytes = 0

    @property
    def has_room(self) -> bool:
        """Whether another event may be taken."""
        is_in_bounds = self.undone < self._max_events and self.bytes < self._max_bytes
        return is_in_bounds and self.events < DONE_FACTOR * self._max_events

    def add(self, held: HeldEvent) -> None:
        """Take an event in hand; those of a partition come in the order of their offsets."""
        self._queues.setdefault(held.source, deque()).append(held)
        self.events += 1
        self.undone += 1
        self.bytes += held.size

    def begin(self, events: Iterable[HeldEvent]) -> None:
        """Note that these are worked on."""
        for held in events:
            self.undone += held.phase is Phase.BEHIND
            held.phase = Phase.WORKING

    def put_behind(self, events: Iterable[HeldEvent]) -> None:
        """Note that these stand behind a long line."""
        for held in events:
            self.undone -= 1
            held.phase = Phase.BEHIND

    def finish(self, events: Iterable[HeldEvent]) -> None:
        """Note that every consequence of these is on disk; acknowledge what is first in line."""
        touched = set()
        for held in events:
            held.phase = Phase.DONE
            self.undone -= 1
            touched.add(held.source)
        self._advance(touched)

    def _advance(self, sources: Iterable[Source]) -> None:
        for source in sources:
            queue = self._queues.get(source, deque())
            while queue and queue[0].phase is Phase.DONE:
                held = queue.popleft()
                self._forget(held)
                is_passed = held.offset > self._dropped.get(source, held.offset)
                (self._drop if is_passed else self._ack)(held)

    def tail(self) -> list[HeldEvent]:
        """Return what waits behind everything that was begun, or stands behind a long line.

        What waits before a begun event is worked before partitions are given away: without it the
        begun one could not be committed, and would be done twice. A long line would take too long;
        with what stands behind it goes what waits for the same keys.
        """
        dropped, keys = [], self._keys_behind()
        for queue in self._queues.values():
            is_tail = True
            for held in reversed(queue):
                is_tail = is_tail and held.phase in WAITS
                if is_tail or (held.key in keys and held.phase in WAITS):
                    dropped.append(held)
        return dropped

    def unfinished(self) -> list[HeldEvent]:
        """Return what has no durable outcome yet."""
        return [h for queue in self._queues.values() for h in queue if h.phase is not Phase.DONE]

    def in_work(self) -> list[HeldEvent]:
        """Return what has no durable outcome yet and should get on: no long line is before it."""
        keys = self._keys_behind()
        return [held for held in self.unfinished() if held.key not in keys]

    def _keys_behind(self) -> set[bytes]:
        return {held.key for held in self.unfinished() if held.phase is Phase.BEHIND}

    def let_go(self, events: Iterable[HeldEvent]) -> None:
        """Drop events unacknowledged: whoever owns the partition next is given them again.

        What is done behind them goes with them.
        """
        gone = set(events)
        for held in gone:
            self._dropped[held.source] = min(
                held.offset, self._dropped.get(held.source, held.offset)
            )
        sources = {held.source for held in gone}
        for source in sources:
            self._queues[source] = deque(h for h in self._queues[source] if h not in gone)
        for held in gone:
            self._forget(held)
            self._drop(held)
        self._advance(sources)

    def clear(self) -> None:
        """Drop everything that is left."""
        self.let_go([held for queue in self._queues.values() for held in queue])
        self._dropped.clear()

    def _forget(self, held: HeldEvent) -> None:
        self.events -= 1
        self.undone -= held.phase in (Phase.WAITING, Phase.WORKING)
        self.bytes -= held.size
