"""Admission of every Salesforce call: breaker, daily quota, slots, rate, in this order.

All four are checked in one step without an await, so that nothing changes between the check and
the start of the call. A waiting call wakes on a change, a time-out, or an interrupt.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiolimiter import AsyncLimiter

from agents.pacing.adaptive_concurrency import AdaptiveSlots
from agents.pacing.circuit_breaker import Breaker, BreakerState
from agents.pacing.daily_quota import (
    FULL_AGAIN_ABOVE,
    LOW_BELOW,
    STALE_AFTER_SECONDS,
    DailyQuota,
    Pause,
    duration,
    usage_of_limits,
)
from agents.pacing.gauges import show_budget, show_state
from agents.pacing.outage_alerts import OutageAlerts
from agents.pacing.stall_clock import Progress
from agents.pacing.system_failure import is_overload, is_systemic, reason_of
from agents.pacing.ticket import NotAdmittedError, Permit
from agents.salesforce.api.collection_builder import API_LIMITS
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.usage import Usage
from agents.salesforce.interrupt import Interrupt
from schemas.priority import Priority
from stream.ops import metrics
from stream.ops.alerts import Alert, Alerts
from stream.ops.background import set_within

log = structlog.get_logger()

CALL_ROWS = API_LIMITS.rows * API_LIMITS.collections
LONGEST_SLEEP_SECONDS = 5.0  # a wait is looked at again after this long, whatever happens


class Admission:
    """Use: `async with admission.call(priority, rows=600) as permit: …`."""

    def __init__(
        self,
        *,
        breaker: Breaker,
        budget: DailyQuota,
        slots: AdaptiveSlots,
        calls_per_second: float,
        alerts: Alerts,
        interrupt: Interrupt,
        clock: Callable[[], float] = time.monotonic,
        ask_limits: Callable[[], Awaitable[dict[str, Any]]] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._breaker = breaker
        self._budget = budget
        self._slots = slots
        self._calls_per_second = calls_per_second
        self.alerts = alerts
        self._interrupt = interrupt
        self._clock = clock
        self._ask_limits = ask_limits
        self._progress = progress or Progress()
        self._changed = asyncio.Event()
        self._outage = OutageAlerts()
        self._heard: Usage | None = None
        self._ask_again_at = 0.0
        self.answered_calls = 0
        self.when_free: Callable[[], None] = lambda: None
        interrupt.listeners.append(self._changed.set)
        self.divide(1.0)

    def divide(self, part: float) -> None:
        """Take this worker's part (0..1) of the org's rate and budget, e.g. after a rebalance.

        A worker without a part (0) keeps what it had: it has nothing to send.
        """
        if part <= 0:
            return
        self._budget.fleet = 1 / part
        rate = self._calls_per_second * part
        self._limiter = AsyncLimiter(max(1.0, rate), max(1.0, 1 / rate))
        self._rate = rate
        metrics.CALL_RATE_LIMIT.set(rate)
        self._changed.set()

    def startable(self, starting: int, owed: int) -> tuple[int, int, int]:
        """Return the slots at all, those free beside `starting` calls, and that have a token.

        `owed` tokens are for calls that follow others in flight.
        """
        free = max(0, self._slots.limit - self._slots.in_flight - starting)
        tokens = (n for n in range(free, 0, -1) if self._limiter.has_capacity(starting + owed + n))
        return self._slots.limit, free, next(tokens, 0)

    def pause_between_calls(self) -> tuple[float, float]:
        """Return how far apart calls are by the rate limit, and by the day's budget."""
        return 1 / self._rate, self._budget.gap_seconds(self._clock())

    def spend(self, calls: int) -> None:
        """Note calls that were made past the gate: those of a Bulk job."""
        self._budget.spend(self._clock(), calls)

    def calls_left(self) -> float:
        """Return how many calls our share has left today; infinite while unknown."""
        return self._budget.left(self._clock())

    def note_usage(self, usage: Usage) -> None:
        """Take in what a response header says. May be called from any thread."""
        self._heard = usage

    @property
    def open_for(self) -> ErrorKind | None:
        """The kind of failure the breaker is open for, None when it is closed."""
        return self._breaker.kind

    @property
    def reason(self) -> str:
        """Return why the breaker is open, empty when it is closed."""
        return self._breaker.reason

    def trip(self, kind: ErrorKind, reason: str) -> None:
        """Open the breaker for a cause that shows in several answers taken together."""
        self._failed(kind, reason, is_probe=False, retry_after_seconds=0.0)

    def forgive(self) -> None:
        """Take the failures so far for their rows': Salesforce answers others meanwhile."""
        self._breaker.forgive()

    async def rest(self, seconds: float) -> None:
        """Back off, unless the breaker is open and its probes set the pace. See `_admit`."""
        until, closed = self._clock() + seconds, BreakerState.CLOSED
        with self._progress.waiting("backing off"):
            while (left := until - self._clock()) > 0 and self._breaker.state is closed:
                await self._sleep(left, is_short=True)
        self._check_interrupt(is_short=True)

    @asynccontextmanager
    async def call(self, priority: Priority, *, rows: int = 1) -> AsyncIterator[Permit]:
        """Wait for admission, then hold a slot. Raises NotAdmittedError."""
        ticket = await self._admit(priority, rows)
        try:
            yield ticket
        except SalesforceError as error:
            self._note_error(ticket, error)
            raise
        except BaseException:
            if ticket.is_probe:
                self._breaker.abandoned(self._clock())
            raise
        else:
            self._note_answer(ticket)
        finally:
            self._slots.in_flight -= 1
            self._take_in_usage()
            show_state(self._breaker.state, self._slots)
            self._changed.set()
            self.when_free()

    async def _admit(self, priority: Priority, rows: int) -> Permit:
        while True:
            self._check_interrupt(is_short=True)
            self._take_in_usage()
            await self._refresh_usage(priority)
            pause = self._pause(priority)
            if pause is not None:
                with self._progress.waiting(pause.reason):
                    await self._sleep(pause.seconds)
            elif self._slots.is_free and self._limiter.has_capacity():
                break
            else:
                turn = 1 / self._rate if self._slots.is_free else LONGEST_SLEEP_SECONDS
                await self._sleep(turn, is_short=True)
        await self._limiter.acquire()  # has capacity: does not suspend
        now = self._clock()
        self._slots.in_flight += 1
        self._budget.spend(now)
        ticket = Permit(rows=rows, is_probe=self._breaker.enter(), started=now)
        show_state(self._breaker.state, self._slots)
        return ticket

    def _pause(self, priority: Priority) -> Pause | None:
        """Return why no call may go now. Raises NotAdmittedError when waiting is no use."""
        now = self._clock()
        wait = self._breaker.wait_seconds(now)
        if wait > 0:
            if self._breaker.has_given_up(now):
                raise NotAdmittedError(self._breaker.reason, is_given_up=True)
            return Pause("Salesforce: circuit breaker", wait)
        pause = self._budget.pause(priority, now)
        if pause is None:
            return None
        if priority is not Priority.LIVE:  # it must not stand in the way of live traffic
            raise NotAdmittedError(pause.reason)
        self.alerts.fire(Alert.BUDGET_LOW, pause.reason)
        return Pause("Salesforce: daily budget", pause.seconds)

    async def _sleep(self, seconds: float, *, is_short: bool = False) -> None:
        self._check_interrupt(is_short=is_short)
        self._changed.clear()
        await set_within(self._changed, min(seconds, LONGEST_SLEEP_SECONDS))

    def _check_interrupt(self, *, is_short: bool) -> None:
        if self._interrupt.is_pressing or (self._interrupt.is_set and not is_short):
            reason = self._interrupt.reason
            raise NotAdmittedError(f"{reason}: {self.reason}" if self.reason else reason)

    def _note_answer(self, ticket: Permit) -> None:
        now = self._clock()
        if ticket.failure is not None:
            kind, reason = ticket.failure
            self._failed(kind, reason, is_probe=ticket.is_probe, retry_after_seconds=0.0)
            return
        self._progress.move()
        self.answered_calls += 1
        if ticket.rows <= CALL_ROWS:  # not a Bulk job, whose time says nothing of a call's
            self._slots.answered(now, seconds=now - ticket.started, rows=ticket.rows)
        self._succeeded(is_probe=ticket.is_probe)

    def _note_error(self, ticket: Permit, error: SalesforceError) -> None:
        now, is_probe = self._clock(), ticket.is_probe
        if is_overload(error):
            self._slots.overloaded(now)
        retry_after = error.retry_after_seconds or 0.0
        self._breaker.hold(now, retry_after)
        is_still_broken = is_probe and error.kind is self.open_for is ErrorKind.CONFIG
        if is_systemic(error) or is_still_broken:
            kind, reason = error.kind, reason_of(error)
            self._failed(kind, reason, is_probe=is_probe, retry_after_seconds=retry_after)
        elif is_probe and error.kind is ErrorKind.CONCURRENCY:
            self._breaker.abandoned(now + retry_after)
        else:
            self._succeeded(is_probe=is_probe)

    def _succeeded(self, *, is_probe: bool) -> None:
        was_open = self._breaker.state is not BreakerState.CLOSED
        self._breaker.succeeded(is_probe=is_probe)
        if was_open and self._breaker.state is BreakerState.CLOSED:
            log.warning("breaker_closed")
            self._outage.over(self.alerts)

    def _failed(
        self, kind: ErrorKind, reason: str, *, is_probe: bool, retry_after_seconds: float
    ) -> None:
        now = self._clock()
        was_closed = self._breaker.state is BreakerState.CLOSED
        self._breaker.failed(
            now, kind, reason, is_probe=is_probe, retry_after_seconds=retry_after_seconds
        )
        probe = duration(self._breaker.wait_seconds(now))
        if was_closed and self._breaker.state is BreakerState.OPEN:
            log.error("breaker_opened", kind=kind.value, reason=reason, next_probe_in=probe)
        if self._breaker.state is BreakerState.OPEN and kind is self._breaker.kind:
            self._outage.tell(self.alerts, kind, f"{reason} A probe goes in {probe}.")
        show_state(self._breaker.state, self._slots)

    def _take_in_usage(self) -> None:
        usage, self._heard = self._heard, None
        if usage is None:
            return
        now = self._clock()
        self._budget.observe(usage, now)
        part = self._budget.part_left(now)
        show_budget(usage, part)
        if part < LOW_BELOW:
            self.alerts.fire(Alert.BUDGET_LOW, f"{part:.0%} of our daily API calls is left")
        elif part > FULL_AGAIN_ABOVE:
            self.alerts.resolve(Alert.BUDGET_LOW)

    async def _refresh_usage(self, priority: Priority) -> None:
        """In a pause nobody calls, so no answer tells the org's count: ask for it now and then."""
        now = self._clock()
        is_due = self._budget.is_outdated(now) and now >= self._ask_again_at
        if not is_due or self._budget.pause(priority, now) is None:
            return
        self._ask_again_at = now + STALE_AFTER_SECONDS
        self._budget.spend(now)
        try:
            usage = usage_of_limits(await self._ask_limits()) if self._ask_limits else None
        except SalesforceError as error:
            log.warning("limits_unknown", reason=reason_of(error))
            usage = None
        if usage is None:  # then a call has to find out
            self._budget.distrust_org()
        else:
            self.note_usage(usage)
            self._take_in_usage()
