"""Tells a person of an outage, and again when it turns into something else to do.

An org that is overloaded now may be one that forbids every call in an hour: who was told to look at
the status page would wait for ever. Once for each kind, so that an outage of many faces stays calm.
"""

from __future__ import annotations

from agents.salesforce.errors.error_kind import ErrorKind
from stream.ops.alerts import Alert, Alerts


class OutageAlerts:
    """What was told of the present outage."""

    def __init__(self) -> None:
        self._told: set[ErrorKind] = set()

    def tell(self, alerts: Alerts, kind: ErrorKind, reason: str) -> None:
        """Raise the alert of a kind of failure, in place of what was said of another."""
        if kind in self._told:
            return
        self._told.add(kind)
        alert = Alert.AUTH_BROKEN if kind is ErrorKind.AUTH else Alert.BREAKER_OPEN
        if alert is Alert.BREAKER_OPEN:
            alerts.resolve(alert)
        alerts.fire(alert, reason)

    def over(self, alerts: Alerts) -> None:
        """End the alerts of an outage."""
        self._told.clear()
        alerts.resolve(Alert.BREAKER_OPEN)
        alerts.resolve(Alert.AUTH_BROKEN)
