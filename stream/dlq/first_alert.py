"""The first dead letter of its kind is told at once; the next thousand of the same are not.

Pure: time is passed in, in seconds of any monotonic clock.
"""

from __future__ import annotations

from stream.ops.alerts import Alert, Alerts

QUIET_SECONDS = 86_400.0  # a kind that was not seen for a day is news again


class FirstDeadLetters:
    """Fires an alert for each new fingerprint (code and fields) of a dead letter."""

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
