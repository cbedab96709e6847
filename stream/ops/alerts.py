"""Alerts: what a person must know now, said once, and 'resolved' when it is over.

Every alert goes to the log and to `orderstream_alert_active`, and to a Slack-compatible webhook
when ALERT_WEBHOOK_URL is set.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import structlog

from stream.ops import metrics

log = structlog.get_logger()


class Alert(StrEnum):
    """Every alert there is; docs/runbook.md says what to do for each."""

    AUTH_BROKEN = "auth_broken"
    BREAKER_OPEN = "breaker_open"
    BUDGET_LOW = "budget_low"
    DEAD_LETTER = "dead_letter"
    WRITES_HELD = "writes_held"
    DEAD_LETTERS_GROWING = "dead_letters_growing"
    DEAD_LETTERS_STOPPED = "dead_letters_stopped"
    WORKER_STALLED = "worker_stalled"
    PUBLISH_BLOCKED = "publish_blocked"
    WORKER_FROZEN = "worker_frozen"
    WEBHOOKS_MISSING = "webhooks_missing"
    SENDER_BEHIND = "sender_behind"
    STORE_AWAY = "store_away"
    LOG_WENT_BACK = "log_went_back"
    TOPICS_DIFFER = "topics_differ"


Listener = Callable[[Alert, str | None], None]


class Alerts:
    """The active alerts of this process. Repeating an active alert says nothing new.

    `listeners` are told of every change at once: (alert, detail), detail None when it is resolved.
    They must not block.
    """

    def __init__(self) -> None:
        self._active: dict[Alert, str] = {}
        self.listeners: list[Listener] = []

    def fire(self, alert: Alert, detail: str) -> None:
        """Raise an alert; a no-op while it is active."""
        if alert in self._active:
            return
        self._active[alert] = detail
        metrics.ALERTS.labels(alert.value).set(1)
        log.error("alert", alert=alert.value, detail=detail)
        self._tell(alert, detail)

    def take_over(self, alert: Alert, detail: str) -> None:
        """Go on with an alert that an earlier process has raised: only its end is news."""
        self._active[alert] = detail
        metrics.ALERTS.labels(alert.value).set(1)

    def resolve(self, alert: Alert) -> None:
        """End an alert; a no-op when it is not active."""
        if self._active.pop(alert, None) is None:
            return
        metrics.ALERTS.labels(alert.value).set(0)
        log.warning("alert_resolved", alert=alert.value)
        self._tell(alert, None)

    def _tell(self, alert: Alert, detail: str | None) -> None:
        for listener in self.listeners:
            listener(alert, detail)

    @property
    def active(self) -> dict[Alert, str]:
        """A copy of the active alerts with their details."""
        return dict(self._active)
