"""The freeze guard: has this process slept past its group session?

A worker that was frozen (SIGSTOP, a paused VM, swapping) longer than the session timeout has lost
its partitions, and does not know. What it holds may be older than what the new owner has written.
The guard is asked right before every Salesforce call and every state write; a process that was
frozen ends itself without committing, and its supervisor starts it afresh (kafka reference §6.3).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from stream.errors import FrozenError


def elapsed_seconds() -> float:
    """Return a clock that goes on while the process is stopped and the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SessionGuard:
    """Watches for gaps between ticks. `tick` is called a few times a second by the event loop."""

    def __init__(
        self, *, limit_seconds: float, clock: Callable[[], float] = elapsed_seconds
    ) -> None:
        self._limit_seconds = limit_seconds
        self._clock = clock
        self._last = clock()
        self._longest_gap = 0.0

    def tick(self) -> None:
        """Note that the process is running."""
        now = self._clock()
        self._longest_gap = max(self._longest_gap, now - self._last)
        self._last = now

    def check(self) -> None:
        """Raise FrozenError when the process has ever slept longer than the limit."""
        self.tick()
        if self._longest_gap > self._limit_seconds:
            raise FrozenError(
                f"this process was frozen for {self._longest_gap:.1f} s, longer than its group "
                f"session ({self._limit_seconds:.0f} s): others own its partitions now"
            )
