"""Debounce: let an order settle, so that three saves in two seconds are one write.

An agent never sleeps. A debounced event is parked in the settle topic, whose relay brings it back
to `salesforce.due` after the delay. When it comes back and a newer event of its order is parked
behind it, it is superseded by that one (which is durable in the topic), unless the order has been
waiting longer than the maximum. Memory only: after a restart an order is written once more often.
"""

from __future__ import annotations

from dataclasses import dataclass

OrderKey = tuple[str, bool, int]
# Whose event, and what it says: a part makes only its own like needless.
WaitKey = tuple[bytes, frozenset[str]]


@dataclass(slots=True)
class _Waiting:
    newest: OrderKey
    since_ms: int


class Debounce:
    """Which orders are waiting, for the newest of which event, and since when."""

    def __init__(self, *, max_ms: int) -> None:
        self._max_ms = max_ms
        self._waiting: dict[WaitKey, _Waiting] = {}

    def park(self, key: WaitKey, order: OrderKey, now_ms: int) -> None:
        """Note that an event of the order was parked."""
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = _Waiting(order, now_ms)
        elif order > waiting.newest:
            waiting.newest = order

    def is_overtaken(self, key: WaitKey, order: OrderKey, now_ms: int) -> bool:
        """Whether a returning event may give way to a newer one that is still parked."""
        waiting = self._waiting.get(key)
        if waiting is None:
            return False
        if order < waiting.newest and now_ms - waiting.since_ms < self._max_ms:
            return True
        if order >= waiting.newest:
            del self._waiting[key]
        else:
            waiting.since_ms = now_ms
        return False
