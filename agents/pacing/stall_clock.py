"""Progress: is this worker getting on, waiting for a good reason, or stuck?

Pure: time is passed in. The watchdog asks; the agent, the gate and the publisher tell.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """When this worker last got on, and whether it is waiting on purpose."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moved_at = clock()
        self._waiting_since = 0.0
        self._waited_seconds = 0.0
        self._waits: dict[str, int] = {}

    def move(self) -> None:
        """Note that something got on: work was begun, a call answered, an outcome put on disk."""
        self._moved_at = self._clock()

    @contextmanager
    def waiting(self, reason: str) -> Iterator[None]:
        """Wait on purpose (breaker open, quota spent, Kafka away): not a stall."""
        if not self._waits:
            self._waiting_since = self._clock()
        self._waits[reason] = self._waits.get(reason, 0) + 1
        try:
            yield
        finally:
            self._waits[reason] -= 1
            if not self._waits[reason]:
                del self._waits[reason]
            self._moved_at = self._clock()
            if not self._waits:
                self._waited_seconds += self._moved_at - self._waiting_since

    def working_seconds(self) -> float:
        """Return a clock that stands still while this worker waits on purpose.

        The age of an event by this clock tells one that is stuck from one that waits for better
        times with all the others.
        """
        now = self._clock()
        waiting = now - self._waiting_since if self._waits else 0.0
        return now - self._waited_seconds - waiting

    @property
    def reasons(self) -> list[str]:
        """What the worker is waiting for on purpose."""
        return sorted(self._waits)

    def still_seconds(self) -> float:
        """Return how long nothing has moved; 0 while waiting on purpose."""
        return 0.0 if self._waits else self._clock() - self._moved_at
