"""Are dead letters piling up? Counts over time to a yes or no; one now and then is normal.

Pure: time is passed in, in seconds of any monotonic clock.
"""

from __future__ import annotations

from collections import deque

from stream.ops.alerts import Alert, Alerts


class DeadLetterGrowth:
    """Watches an ever-growing count of dead letters (an end offset, or a process's own counter).

    It grows when at least `threshold` came within the last `window_seconds`.
    """

    def __init__(self, *, threshold: int, window_seconds: float) -> None:
        self._threshold = threshold
        self._window_seconds = window_seconds
        self._samples: deque[tuple[float, int]] = deque()

    def added(self, now: float, count: int) -> int:
        """Note the count; return how many came within the window. A shrunken count starts anew."""
        if self._samples and count < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now, count))
        while len(self._samples) > 1 and self._samples[1][0] <= now - self._window_seconds:
            self._samples.popleft()
        return count - self._samples[0][1]

    def watch(self, alerts: Alerts, now: float, count: int) -> None:
        """Note the count and fire or resolve the alert."""
        added = self.added(now, count)
        if added >= self._threshold:
            minutes = self._window_seconds / 60
            alerts.fire(
                Alert.DEAD_LETTERS_GROWING,
                f"{added} new dead letters in {minutes:.0f} min; see `orderstream dlq list`",
            )
        elif added == 0:
            alerts.resolve(Alert.DEAD_LETTERS_GROWING)
