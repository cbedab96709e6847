"""Tells of dead letters, and that it is over: by time, not when the next event comes.

A shop is quiet at night. An alert that only the next order ends is a page until morning.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from schemas.result import Outcome, Result
from stream.dlq.growth_alert import DeadLetterGrowth, FirstDeadLetters
from stream.ops.alerts import Alerts
from stream.settings.operations import OperationsSettings

LOOK_SECONDS = 10.0


class DeathWatch:
    """Counts the dead letters of a worker, for its two alerts."""

    def __init__(
        self,
        settings: OperationsSettings,
        alerts: Alerts,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._alerts = alerts
        self._clock = clock
        self._window_seconds = settings.alert_dead_letters_window_seconds
        self._first = FirstDeadLetters(alerts)
        self._growth = DeadLetterGrowth(
            threshold=settings.alert_dead_letters, window_seconds=self._window_seconds
        )
        self._dead = 0

    def note(self, results: Iterable[Result]) -> None:
        """Take in what became of some events."""
        for letter in results:
            if letter.outcome is Outcome.DEAD:
                self._dead += 1
                fingerprint = (letter.error_code, *letter.error_fields)
                what = " ".join(fingerprint)
                detail = f"{what}: order {letter.key}; `orderstream dlq list`"
                self._first.note(fingerprint, detail, self._clock())
        self._look()

    async def run(self) -> None:
        """End what is over, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._look()

    def _look(self) -> None:
        now = self._clock()
        self._growth.watch(self._alerts, now, self._dead)
        self._first.quiet(now, window_seconds=self._window_seconds)
