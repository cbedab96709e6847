"""How long to wait before the next try: one rule for whoever repeats something. Pure.

The pause doubles up to a cap, so a long outage is not asked in a tight loop; who shares a cause
with many others draws a part of it, so they do not come back in one wave.
"""

from __future__ import annotations

from dataclasses import dataclass

_MOST_DOUBLINGS = 30  # 2.0 ** 1024 would overflow


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pause after failure 1, 2, …: `first_seconds`, then twice the last, at most a cap."""

    first_seconds: float
    cap_seconds: float

    def seconds(self, failures: int) -> float:
        """Return the whole pause after so many failures in a row (from 1)."""
        doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
        return min(self.cap_seconds, self.first_seconds * 2.0**doublings)

    def drawn_seconds(self, failures: int, chance: float) -> float:
        """Return a part of that pause ("full jitter"); `chance` is drawn from 0 to 1."""
        return chance * self.seconds(failures)
