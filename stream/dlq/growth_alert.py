"""Alerts about dead letters: the first of its kind is told at once, and when they pile up.

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


QUIET_SECONDS = 86_400.0  # a kind that was not seen for a day is news again


class FirstDeadLetters:
    """Fires an alert for each new fingerprint (code and fields), not for its next thousand."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts
        self._last_seen: dict[tuple[str, ...], float] = {}

    def note(self, fingerprint: tuple[str, ...], detail: str, now: float) -> None:
        """Note a dead letter."""
        last = self._last_seen.get(fingerprint)
        self._last_seen[fingerprint] = now
        if last is None or now - last > QUIET_SECONDS:
            self._alerts.resolve(Alert.DEAD_LETTER)  # of another kind: this one is news
            self._alerts.fire(Alert.DEAD_LETTER, detail)

    def quiet(self, now: float, *, window_seconds: float) -> None:
        """Resolve the alert when nothing died within the window."""
        if all(now - seen > window_seconds for seen in self._last_seen.values()):
            self._alerts.resolve(Alert.DEAD_LETTER)
