"""The circuit breaker: when nobody gets through, stop asking, and look again now and then.

    closed ──N failures in a row, or one that speaks for all──▶ open
    open ──interval over──▶ half-open: one call goes as a probe
    half-open ──answered──▶ closed        half-open ──failed──▶ open

Pure: time is passed in, in seconds of any monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from agents.salesforce.errors.error_kind import ErrorKind


class BreakerState(IntEnum):
    """The breaker's state; the numbers are those of the metric."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class Probing:
    """How patiently a kind of failure is probed: the interval's factor, and how often it doubles.

    `is_sudden`: one failure says it all; no need to count.
    """

    factor: float
    doublings: int
    is_sudden: bool


# A minute's outage needs a quick look; a spent quota or a broken login needs a person or hours.
PROBING = {
    ErrorKind.TRANSIENT: Probing(1, 0, is_sudden=False),
    ErrorKind.CONFIG: Probing(1, 2, is_sudden=True),
    ErrorKind.AUTH: Probing(2, 3, is_sudden=True),
    ErrorKind.QUOTA: Probing(4, 4, is_sudden=True),
}


class Breaker:
    """One worker's circuit breaker.

    `failures`: how many system failures in a row open it. `probe_seconds`: base interval of the
    probes. `give_up_seconds`: open for this long, `has_given_up` says so; 0 = never. `jitter`
    returns 0..1.
    """

    def __init__(
        self,
        *,
        failures: int,
        probe_seconds: float,
        give_up_seconds: float,
        jitter: Callable[[], float],
    ) -> None:
        self._failures = failures
        self._probe_seconds = probe_seconds
        self._give_up_seconds = give_up_seconds
        self._jitter = jitter
        self._in_a_row = 0
        self._failed_probes = 0
        self._opened_at = 0.0
        self._probe_at = 0.0
        self._hold_until = 0.0
        self.state = BreakerState.CLOSED
        self.kind: ErrorKind | None = None
        self.reason = ""

    def wait_seconds(self, now: float) -> float:
        """Return 0 when a call may go now, else how long until it is worth asking again."""
        held = max(0.0, self._hold_until - now)
        match self.state:
            case BreakerState.CLOSED:
                return held
            case BreakerState.HALF_OPEN:
                return self._probe_seconds  # the probe's end wakes whoever waits
            case BreakerState.OPEN:
                return max(held, self._probe_at - now)

    def hold(self, now: float, seconds: float) -> None:
        """Let nobody go for as long as an answer asks, but no longer than a probe would wait.

        One server of many may name an hour for itself; failures in a row, which open, are believed.
        """
        self._hold_until = max(self._hold_until, now + min(seconds, self._probe_seconds))

    def enter(self) -> bool:
        """Note that a call goes, after `wait_seconds` was 0; return whether it is the probe."""
        if self.state is BreakerState.CLOSED:
            return False
        self.state = BreakerState.HALF_OPEN
        return True

    def succeeded(self, *, is_probe: bool) -> None:
        """Note an answered call. Late answers of calls sent before it opened prove nothing."""
        if self.state is BreakerState.CLOSED or is_probe:
            self.state = BreakerState.CLOSED
            self._in_a_row = self._failed_probes = 0
            self.kind, self.reason = None, ""

    def failed(
        self,
        now: float,
        kind: ErrorKind,
        reason: str,
        *,
        is_probe: bool,
        retry_after_seconds: float = 0.0,
    ) -> None:
        """Note a call that failed for a reason that is no record's."""
        if self.state is BreakerState.CLOSED:
            self._in_a_row += 1
            if self._in_a_row >= self._failures or PROBING[kind].is_sudden:
                self._opened_at = now
                self._open(now, kind, reason, retry_after_seconds)
        elif is_probe:
            self._failed_probes += 1
            self._open(now, kind, reason, retry_after_seconds)

    def forgive(self) -> None:
        """Count no failure so far: others are answered, so they were about their rows."""
        if self.state is BreakerState.CLOSED:
            self._in_a_row = 0

    def abandoned(self, now: float) -> None:
        """Note that the probe ended without an answer (it was cancelled): the next may go."""
        if self.state is BreakerState.HALF_OPEN:
            self.state = BreakerState.OPEN
            self._probe_at = now

    def has_given_up(self, now: float) -> bool:
        """Whether it has been open for longer than anyone is meant to wait."""
        is_open = self.state is not BreakerState.CLOSED
        return is_open and 0 < self._give_up_seconds <= now - self._opened_at

    def _open(self, now: float, kind: ErrorKind, reason: str, retry_after_seconds: float) -> None:
        probing = PROBING[kind]
        doubled = 2 ** min(self._failed_probes, probing.doublings)
        interval = self._probe_seconds * probing.factor * doubled
        jittered = interval * (0.5 + self._jitter())
        self.state = BreakerState.OPEN
        self.kind, self.reason = kind, reason
        self._probe_at = now + max(jittered, retry_after_seconds)
