"""The fence: may this process still write for the partitions that it holds?

Two things end that right, and each is asked right before every Salesforce call and every publish:

* It was frozen (SIGSTOP, a paused VM, swapping) longer than the session timeout: it has lost its
  partitions, and does not know (kafka reference §6.3).
* The group goes on without it. The coordinator says so in its answer to a heartbeat, a commit or a
  join, and from then on the generation of what is in hand is not ours any more. Where it has said
  nothing for most of a session, nobody knows: no call is begun and nothing is published meanwhile.

What it holds may be older than what the new owner has written. So it ends itself without
committing, loops that wait for Kafka included, and its supervisor starts it afresh
(docs/decisions/0026).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from stream.errors import FencedError, FrozenError


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


@dataclass(frozen=True, slots=True)
class Membership:
    """What is known of our place in the group. `held`: the generation of what is in hand."""

    held: int
    known: int
    heard_at: float


class Fence:
    """Asked before every call and every publish; `membership` is None before the first join."""

    def __init__(
        self,
        guard: SessionGuard,
        membership: Callable[[], Membership | None],
        *,
        silence_seconds: float,
        clock: Callable[[], float] = elapsed_seconds,
    ) -> None:
        self._guard = guard
        self._membership = membership
        self._silence_seconds = silence_seconds
        self._clock = clock

    @property
    def generation(self) -> int:
        """The group generation that decisions of now are made in; 0 before the first join."""
        membership = self._membership()
        return membership.held if membership else 0

    @property
    def is_certain(self) -> bool:
        """Whether the coordinator has confirmed us lately; without it nobody may publish."""
        membership = self._membership()
        return membership is None or self._clock() - membership.heard_at < self._silence_seconds

    def check(self) -> None:
        """Raise FrozenError when others own our partitions; a publish may wait while unsure."""
        self._guard.check()
        membership = self._membership()
        if membership is not None and membership.known != membership.held:
            raise FencedError(
                f"the group has gone on from generation {membership.held} without this process: "
                "others own its partitions now"
            )

    def check_certain(self) -> None:
        """Raise FrozenError when others own our partitions, or may by now."""
        self.check()
        if not self.is_certain:
            raise FencedError(
                f"the group coordinator has confirmed nothing for {self._silence_seconds:.0f} s: "
                "others may own our partitions by now"
            )
