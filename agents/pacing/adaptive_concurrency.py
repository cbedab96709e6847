"""How many calls fly at once: up slowly while all is well, down by half when Salesforce groans.

Additive increase, multiplicative decrease, between two bounds. It groans by refusing (too many
concurrent requests, 429, 503) or by answering ever more slowly. Latency is compared among calls of
about the same number of rows, because 200 rows take longer than one on the best of days. What stays
slow with the fewest calls is not slow because of them: that is the org's usual pace from then on.

Pure: time is passed in, in seconds of any monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass

BACK_OFF = 0.5
EASE_OFF = 0.8
CALM_SECONDS = 1.0  # calls that failed together count once
LONG_CALL_SECONDS = 20.0  # from here a call counts against the org's 25 long ones (app limits)
SLOW_FACTOR = 2.5
SLOW_LEAST_SECONDS = 1.0  # what is faster is never slow
FAST_WEIGHT = 0.3
BASE_WEIGHT = 0.02


@dataclass(slots=True)
class _Latency:
    recent: float
    usual: float


class AdaptiveSlots:
    """The current number of slots. It starts at `most`, and adapts down to `least`."""

    def __init__(self, *, least: int, most: int) -> None:
        self._least = min(least, most)
        self._most = most
        self._limit = float(most)
        self._lowered_at = float("-inf")
        self._latencies: dict[int, _Latency] = {}
        self.in_flight = 0

    @property
    def limit(self) -> int:
        """Return how many calls may be in flight now."""
        return int(self._limit)

    @property
    def is_free(self) -> bool:
        return self.in_flight < self.limit

    def answered(self, now: float, *, seconds: float, rows: int) -> None:
        """Note a call that Salesforce answered."""
        if seconds >= LONG_CALL_SECONDS or self._is_slowing(seconds, rows):
            self._lower(now, EASE_OFF)
        else:
            self._limit = min(float(self._most), self._limit + 1 / self._limit)

    def overloaded(self, now: float) -> None:
        """Note a call that was refused for there being too many, or by an overloaded server."""
        self._lower(now, BACK_OFF)

    def _lower(self, now: float, factor: float) -> None:
        if now - self._lowered_at >= CALM_SECONDS:
            self._limit = max(float(self._least), self._limit * factor)
            self._lowered_at = now

    def _is_slowing(self, seconds: float, rows: int) -> bool:
        size = rows.bit_length()  # within a factor of two: rows take time
        latency = self._latencies.setdefault(size, _Latency(seconds, seconds))
        latency.recent += FAST_WEIGHT * (seconds - latency.recent)
        weight = FAST_WEIGHT if self._limit <= self._least else BASE_WEIGHT
        latency.usual += weight * (seconds - latency.usual)
        latency.usual = min(latency.usual, latency.recent)
        return latency.recent > max(SLOW_FACTOR * latency.usual, SLOW_LEAST_SECONDS)
