"""Whose orders stand in so long a line that further ones of theirs are not mapped yet. Pure.

All orders of a customer need the lock on one Account and go one call behind the other. What is
mapped before its call can take it costs everybody else time and memory now, and is judged again
when it goes. So a line holds what the next call can take; what comes then stands behind it, as it
came from Kafka, and is called up piece by piece as the line moves. Other customers do not wait.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Iterable

from agents.worker.offset_ledger import HeldEvent

PIECE = 32  # orders that are mapped at once


class LongLines:
    """Counts orders in line by customer. `most`: how many orders the next call can take."""

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._in_line: Counter[str] = Counter()
        self._behind: dict[str, deque[HeldEvent]] = {}
        self._coming: set[str] = set()

    def join(self, customer: str) -> None:
        """Count an order that has to wait for its customer's lock."""
        if customer:  # an order of nobody shares no line with others of nobody
            self._in_line[customer] += 1

    def leave(self, *customers: str) -> None:
        """Count orders that wait no more, by their customers."""
        self._in_line.subtract(customers)
        for customer in set(customers):
            if self._in_line[customer] <= 0:
                del self._in_line[customer]

    @property
    def has_long(self) -> bool:
        """Whether there is a long line at all: while there is none, nobody need ask whose."""
        return bool(self._behind) or max(self._in_line.values(), default=0) >= self._most()

    def is_long(self, customer: str) -> bool:
        """Whether a customer's next order has to stand behind the line."""
        return customer in self._behind or self._in_line[customer] >= self._most()

    def stand_behind(self, events: Iterable[tuple[str, HeldEvent]]) -> None:
        """Put events behind their customers' lines."""
        for customer, held in events:
            self._behind.setdefault(customer, deque()).append(held)

    def called_up(self) -> list[tuple[str, list[HeldEvent]]]:
        """Return who may come into a line that is not full, one piece of it at a time."""
        most, found = self._most(), []
        for customer, behind in list(self._behind.items()):
            room = min(PIECE, most - self._in_line[customer])
            if customer in self._coming or 2 * room < min(PIECE, most):
                continue
            self._coming.add(customer)
            found.append((customer, [behind.popleft() for _ in range(min(room, len(behind)))]))
            if not behind:
                del self._behind[customer]
        return found

    def arrived(self, customer: str) -> None:
        """Note that the piece that was called up is in line, or over."""
        self._coming.discard(customer)

    def forget(self, gone: Container[HeldEvent]) -> None:
        """Remove events that stand behind."""
        for customer, behind in list(self._behind.items()):
            kept = deque(held for held in behind if held not in gone)
            if kept:
                self._behind[customer] = kept
            else:
                del self._behind[customer]
