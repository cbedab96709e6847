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
        self._waits: dict[str, int] = {}
        self.events_in_hand = 0
        self.events_done = 0

    def begin(self, events: int) -> None:
        """Note that a batch was taken."""
        self.events_in_hand = events
        self._moved_at = self._clock()

    def end(self) -> None:
        """Note that the batch is done: everything it published is acknowledged."""
        self.events_done += self.events_in_hand
        self.events_in_hand = 0
        self._moved_at = self._clock()

    def move(self) -> None:
        """Note that something finished inside a batch: a call was answered."""
        self._moved_at = self._clock()

    @contextmanager
    def waiting(self, reason: str) -> Iterator[None]:
        """Wait on purpose (breaker open, quota spent, Kafka away): not a stall."""
        self._waits[reason] = self._waits.get(reason, 0) + 1
        try:
            yield
        finally:
            self._waits[reason] -= 1
            if not self._waits[reason]:
                del self._waits[reason]
            self._moved_at = self._clock()

    @property
    def reasons(self) -> list[str]:
        """What the worker is waiting for on purpose."""
        return sorted(self._waits)

    def still_seconds(self) -> float:
        """Return how long nothing has moved; 0 while waiting on purpose."""
        return 0.0 if self._waits else self._clock() - self._moved_at
