"""The signal that ends waits: SIGTERM, or a rebalance."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Interrupt:
    """Set by SIGTERM or a rebalance: who waits for better times (breaker, budget) stops waiting.

    Who only waits for its turn (a slot, the rate) goes on for `patience_seconds`: what is in hand
    is better finished than parked.
    """

    reason: str = ""
    listeners: list[Callable[[], None]] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    _patient_until: float = 0.0

    def set(self, reason: str, *, patience_seconds: float = 0.0) -> None:
        self.reason = reason
        self._patient_until = self.clock() + patience_seconds
        for listener in list(self.listeners):
            listener()

    def clear(self) -> None:
        self.reason = ""

    @property
    def is_set(self) -> bool:
        return bool(self.reason)

    @property
    def is_pressing(self) -> bool:
        """Whether its patience is over too."""
        return self.is_set and self.clock() >= self._patient_until
