"""The day's API calls: how many are ours, how many are left, and what to do as they run short.

Salesforce counts calls over a rolling 24 hours for the whole org. Ours is a share of them; the rest
is kept for the org's other integrations, and what those use beyond it is taken from ours. Calls
made before this process started are taken for ours, so that a restart never overspends.

| left of our share | live | replay | backfill |
|---|---|---|---|
| above 30 % | goes | goes | goes |
| 15-30 % | goes | goes | waits |
| 0-15 % | goes | waits | waits |
| 0 | waits | waits | waits |

Pure: time is passed in, in seconds of any monotonic clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from agents.salesforce.http.usage import Usage
from schemas.priority import Priority

DAY_SECONDS = 86_400.0
BUCKET_SECONDS = 300.0
LEAST_LEFT = {Priority.LIVE: 0.0, Priority.REPLAY: 0.15, Priority.BACKFILL: 0.30}
STRETCH_BELOW = 0.5  # calls are spread out when less than this part is left
PACE = 4.0  # times the even pace, for each part of the share that is left
LOW_BELOW = 0.10
FULL_AGAIN_ABOVE = 0.15
STALE_AFTER_SECONDS = 900.0  # an org's count older than this is asked for again


def usage_of_limits(limits: dict[str, object]) -> Usage | None:
    """Return the org's usage from the body of `/limits`."""
    daily = limits.get("DailyApiRequests")
    if not isinstance(daily, dict):
        return None
    most, remaining = daily.get("Max"), daily.get("Remaining")
    if not isinstance(most, int) or not isinstance(remaining, int):
        return None
    return Usage(most - remaining, most)


@dataclass(frozen=True, slots=True)
class Pause:
    """Why calls have to wait, and for about how long."""

    reason: str
    seconds: float


class DailyQuota:
    """The daily budget as one worker sees it. `share` is the part of the org's limit for us."""

    def __init__(self, *, share: float, max_gap_seconds: float = 10.0) -> None:
        self._share = share
        self._max_gap_seconds = max_gap_seconds
        self._usage: Usage | None = None
        self._observed_at = 0.0
        self._spent: deque[tuple[float, float]] = deque()  # (bucket's start, our calls in it)
        self._total = 0.0
        self.fleet = 1.0  # how many workers of our weight share the budget

    def spend(self, now: float, calls: int = 1) -> None:
        """Note calls of this worker; the others are assumed to make as many."""
        self._add(now, calls * self.fleet)

    def observe(self, usage: Usage, now: float) -> None:
        """Take in what Salesforce says about the org."""
        if self._usage is None:
            self._add(now, usage.used - self._total)
        self._usage = usage
        self._observed_at = now

    def distrust_org(self) -> None:
        """Drop an outdated count of the org; our own count still holds."""
        if self._usage is not None:
            self._usage = Usage(0, self._usage.limit)

    def left(self, now: float) -> float:
        """Return how many calls we may still make; infinite until Salesforce has said anything."""
        if self._usage is None:
            return float("inf")
        self._forget(now)
        ours = self._share * self._usage.limit - self._total
        orgs = self._usage.limit - self._usage.used
        if self._usage.app_limit is not None:
            orgs = min(orgs, self._usage.app_limit - (self._usage.app_used or 0))
        return max(0.0, min(ours, orgs))

    def part_left(self, now: float) -> float:
        """Return the part of our share that is left, 0..1; 1 until Salesforce has said anything."""
        if self._usage is None:
            return 1.0
        return self.left(now) / max(1.0, self._share * self._usage.limit)

    def pause(self, priority: Priority, now: float) -> Pause | None:
        """Return why a call of this priority has to wait; None when it may go."""
        if self._usage is None or self._may_go(priority, now):
            return None
        seconds = self._seconds_until_free(now)
        return Pause(
            f"daily API budget: {self.part_left(now):.0%} of our share of {self._usage.limit} "
            f"calls is left, {priority.name.lower()} traffic waits; "
            f"calls become free in about {duration(seconds)}",
            seconds,
        )

    def gap_seconds(self, now: float) -> float:
        """Return how far apart calls should be, so that the share lasts; 0 while half is left.

        What is left comes back evenly over the day. At the pace below, steady traffic settles
        where a fifth of the share is left.
        """
        part = self.part_left(now)
        if self._usage is None or part >= STRETCH_BELOW:
            return 0.0
        even = DAY_SECONDS * self.fleet / max(1.0, self._share * self._usage.limit)
        return min(self._max_gap_seconds, even / (PACE * max(part, 0.01)))

    @property
    def usage(self) -> Usage | None:
        return self._usage

    def is_outdated(self, now: float) -> bool:
        """Whether the org's count is so old that it should be asked for again."""
        return self._usage is not None and now - self._observed_at >= STALE_AFTER_SECONDS

    def _may_go(self, priority: Priority, now: float) -> bool:
        left = self.left(now)
        return left >= self.fleet and self.part_left(now) > LEAST_LEFT[priority]

    def _add(self, now: float, calls: float) -> None:
        start = now - now % BUCKET_SECONDS
        if calls <= 0:
            return
        if self._spent and self._spent[-1][0] == start:
            self._spent[-1] = (start, self._spent[-1][1] + calls)
        else:
            self._spent.append((start, calls))
        self._total += calls

    def _forget(self, now: float) -> None:
        while self._spent and self._spent[0][0] + BUCKET_SECONDS + DAY_SECONDS <= now:
            self._total -= self._spent.popleft()[1]

    def _seconds_until_free(self, now: float) -> float:
        if not self._spent:
            return STALE_AFTER_SECONDS
        return max(1.0, self._spent[0][0] + BUCKET_SECONDS + DAY_SECONDS - now)


def duration(seconds: float) -> str:
    """Return a time span for people: `3 h 20 min`, `4 min`, `12 s`."""
    minutes = round(seconds / 60)
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004 - the number is its own name here
