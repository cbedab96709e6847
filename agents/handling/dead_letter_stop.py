"""Holds back what may not die: the use of the dead-letter limit, its alert, its release."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from agents.handling.dead_letter_limit import DeadLetterLimit, Fingerprint
from agents.handling.outcome import Decision, held_back
from agents.handling.outcome_rules import LONGEST_WAIT_SECONDS
from schemas.result import Outcome
from stream.config import Settings
from stream.errors import BrokerError
from stream.jobs.operator_log import RELEASED, read_actions
from stream.kafka.log.range_reader import RangeReader
from stream.ops.alerts import Alert, Alerts
from stream.topics import Topics

log = structlog.get_logger()

ASK_EVERY_SECONDS = 15.0
QUIET_TRIES = 2  # what is held comes back at each; who does not was written, or is another worker's


class DeadLetterStop:
    """Decides for each dead decision whether it stands. `limit` counts; this acts."""

    def __init__(
        self,
        limit: DeadLetterLimit,
        topics: Topics,
        alerts: Alerts,
        *,
        worker: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._limit = limit
        self._topics = topics
        self._alerts = alerts
        self._worker = worker
        self._clock = clock
        self._tier = topics.longest_tier(LONGEST_WAIT_SECONDS)

    @classmethod
    def of(cls, settings: Settings, alerts: Alerts) -> DeadLetterStop:
        limit = DeadLetterLimit(
            events=settings.dead_letter_limit_events,
            share=settings.dead_letter_limit_share,
            window_seconds=settings.dead_letter_limit_window_seconds,
        )
        return cls(limit, settings.topics, alerts, worker=settings.worker_id)

    def pass_on(self, decision: Decision) -> Decision:
        """Return the decision, or one that waits in its place."""
        result, now = decision.result, self._clock()
        if result.outcome is not Outcome.DEAD:
            if result.outcome.is_final:
                self._limit.ended_well(now)
            return decision
        cause = Fingerprint(result.error_code, tuple(result.error_fields), result.mapping_version)
        if self._limit.may_die(cause, now):
            return decision
        self._alerts.fire(
            Alert.DEAD_LETTERS_STOPPED,
            f"most events die of {cause.label}: further ones wait; correct the cause, or "
            f"`orderstream dlq release {cause.code}`",
        )
        now_ms = int(now * 1000)
        delay_ms = self._topics.tier_delay_ms(self._tier)
        return held_back(decision, self._tier, delay_ms, now_ms, worker=self._worker)

    def release(self, code: str) -> None:
        """Let the events of a cause die; ends the alert when nothing else is held."""
        if self._limit.release(code):
            log.warning("dead_letters_released", code=code)
        self._end_alert()

    def end_cured(self) -> None:
        """Let go of causes that somebody has corrected; ends the alert when nothing is held."""
        self._limit.end_cured(self._clock(), quiet_seconds=self._tries_seconds)
        self._end_alert()

    @property
    def _tries_seconds(self) -> float:
        """How long all that is held takes to come back, twice over."""
        try_seconds = self._topics.tier_delay_ms(self._tier) / 1000 + ASK_EVERY_SECONDS
        return QUIET_TRIES * try_seconds

    def _end_alert(self) -> None:
        if not self._limit.held:
            self._alerts.resolve(Alert.DEAD_LETTERS_STOPPED)

    async def follow_releases(self, settings: Settings) -> None:
        """Ask the operator log for releases, for as long as something is held. Never returns.

        At first those are heeded that an earlier process may not have acted upon: what waited when
        a person spoke comes back within that time.
        """
        since_ms = int((self._clock() - self._tries_seconds) * 1000)
        has_asked = await self._heed_releases(settings, since_ms)
        while True:
            await asyncio.sleep(ASK_EVERY_SECONDS)
            self.end_cured()
            if self._limit.held or not has_asked:
                has_asked = await self._heed_releases(settings, since_ms) or has_asked

    async def _heed_releases(self, settings: Settings, since_ms: int) -> bool:
        """Heed what is on record; return whether it could be read."""
        try:
            async with RangeReader(settings) as reader:
                actions = await read_actions(reader, self._topics, since_ms=since_ms)
        except BrokerError as error:
            log.warning("releases_not_read", error=str(error))
            return False
        for action in actions:
            if action.action == RELEASED:
                self.release(str(action.detail.get("code", "")))
        return True
