"""Debounce: let an order settle, so that three saves in two seconds are one write.

An agent never sleeps. A debounced event is parked in the settle topic, whose relay brings it back
to `salesforce.due` after the delay. When it comes back and a newer event of its order is parked
behind it, it is superseded by that one (which is durable in the topic), unless the order has been
waiting longer than the maximum, or the guard would not let the newer one take its place. Memory
only: after a restart an order is written once more often.

The one that was let go is not committed yet. If its worker is killed behind the write of the newer
one, and before that is on record, the successor meets it alone: so the newer one is contested
(see write_intent).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cachetools import LRUCache

from agents.handling.decode import DecodedEvent
from agents.handling.version_guard import Candidate, VersionVerdict, judge
from schemas.state import State

# Whose event, and what it says: a part makes only its own like needless.
WaitKey = tuple[bytes, frozenset[str]]

MOST_GONE = 100_000  # some do not come back: their partition went


@dataclass(slots=True)
class _Waiting:
    newest: Candidate
    since_ms: int
    parked_ms: int  # the newest


class Debounce:
    """Which orders are waiting, for the newest of which event, and since when."""

    def __init__(self, *, max_ms: int) -> None:
        self._max_ms = max_ms
        self._waiting: LRUCache[WaitKey, _Waiting] = LRUCache(MOST_GONE)
        # For which parked event others of its order were let go, until it is to be written.
        self._gone_for: LRUCache[bytes, Candidate] = LRUCache(MOST_GONE)

    def note_gone(self, key: bytes, newer: Candidate) -> None:
        """Note that an event of the order was let go for a newer one."""
        self._gone_for[key] = newer

    def contested(self, items: Iterable[DecodedEvent]) -> set[bytes]:
        """Return the keys of these of which an older event was let go."""
        found = set()
        for item in items:
            newer = self._gone_for.get(item.key)
            if newer is not None:
                found.add(item.key)
                if item.candidate.order >= newer.order:
                    del self._gone_for[item.key]
        return found

    def park(self, key: WaitKey, event: Candidate, now_ms: int) -> None:
        """Note that an event of the order was parked."""
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = _Waiting(event, now_ms, now_ms)
        elif event.order > waiting.newest.order:
            waiting.newest, waiting.parked_ms = event, now_ms

    def overtaken_by(self, key: WaitKey, event: Candidate, now_ms: int) -> Candidate | None:
        """Return the newer event, still parked, that a returning one may give way to."""
        waiting = self._waiting.get(key)
        if waiting is None:
            return None
        is_overdue = now_ms - waiting.parked_ms > self._max_ms  # perhaps it has ended elsewhere
        if is_overdue or event.order >= waiting.newest.order:
            del self._waiting[key]
            return None
        if now_ms - waiting.since_ms < self._max_ms:
            return waiting.newest
        waiting.since_ms = now_ms
        return None


def makes_needless(newer: Candidate, event: DecodedEvent, state: State | None) -> bool:
    """Whether the newer one is written whether or not the event is: else both could be lost.

    What the store has to complete is asked for again when it comes back, and may be gone by then.
    """
    if newer.is_completed and not event.candidate.is_completed:
        return False
    after = event.new_state(state, {})
    return all(judge(known, newer) is VersionVerdict.SEND for known in (state, after))
