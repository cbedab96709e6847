"""How long a record is waited for at most, whatever its `not-before-ms` says.

That time is of the worker's clock, and the relay's own says whether it has come. Either may be
wrong by years, for a moment; then one record would hold up all behind it. All records of a tier
have one delay. So what was in a partition when its head began to wait is due after that delay and
a little more, by a clock that never jumps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

from stream.retry_policy import JITTER_SHARE
from stream.topics import Topics

Pair: TypeAlias = Any  # aiokafka's topic and partition

SLACK_SECONDS = 60.0  # between two clocks that are set


class LongestWaits:
    """Remembers, of each partition that waits, until when and for which of its records."""

    def __init__(
        self, topics: Topics, *, settle_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._topics = topics
        self._settle_seconds = settle_seconds
        self._clock = clock
        self._waits: dict[Pair, tuple[float, int]] = {}

    def wait(self, tp: Pair, head: int, end: int) -> None:
        """Note that a partition's head waits, and where its log ends now."""
        _, below = self._waits.get(tp, (0.0, 0))
        if head >= below:
            self._waits[tp] = (self._clock() + self._longest_seconds(tp.topic), end)

    def is_over(self, tp: Pair, offset: int = -1) -> bool:
        """Whether a partition's wait is over, for a record of it: it has waited long enough."""
        until, below = self._waits.get(tp, (0.0, -1))
        return offset < below and self._clock() >= until

    def clear(self) -> None:
        """Forget all: the partitions are taken anew."""
        self._waits.clear()

    def _longest_seconds(self, topic: str) -> float:
        if topic not in self._topics.retry_tiers:
            return self._settle_seconds + SLACK_SECONDS
        return self._topics.tier_delay_ms(topic) / 1000 * (1 + JITTER_SHARE) + SLACK_SECONDS
