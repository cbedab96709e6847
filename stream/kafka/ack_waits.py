"""Which partitions the broker says nothing of: what was sent to them waits for its ack.

A partition with a leader and too few replicas in sync refuses every batch, and aiokafka repeats it
without a word. Nobody but the broker knows how many are enough, so the waiting itself is the sign.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class AckWaits:
    """Since when a batch of each (topic, partition) is on its way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[object, tuple[float, tuple[str, int]]] = {}

    def begin(self, topic: str, partition: int) -> object:
        """Count a batch as on its way, until `end` is told what this returns."""
        batch = object()
        self._since[batch] = (self._clock(), (topic, partition))
        return batch

    def end(self, batch: object) -> None:
        """Count it no more: there is an answer, or nobody waits for one."""
        del self._since[batch]

    @contextmanager
    def waiting(self, topic: str, partition: int) -> Iterator[None]:
        """Count a batch as on its way within the block."""
        batch = self.begin(topic, partition)
        try:
            yield
        finally:
            self.end(batch)

    def longer_than(self, seconds: float) -> list[tuple[str, int]]:
        """Return the partitions of which a batch has waited for so long."""
        until = self._clock() - seconds
        return sorted({place for since, place in self._since.values() if since <= until})
