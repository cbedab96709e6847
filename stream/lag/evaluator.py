"""Lag, told truly: how far behind is a consumer group, and is it still moving? Pure arithmetic.

Everything is judged from what the broker says (committed and end offsets over time, record times,
group members), never from what a worker says of itself: its own numbers freeze when it does.

State by Burrow's rules, over a window of samples; there is no threshold on lag, because a stopped
consumer with a small lag is worse than a busy one with a large lag:

| state | when (the first that fits) |
|---|---|
| REWIND | the committed offset is beyond the end: the log went back, all of it may be unread |
| OK | nothing is unread |
| STOP | events are unread and no member of the group has the partition; or, when that is not known, nothing was committed in the whole window |
| REWIND | the committed offset went back and has not recovered |
| OK | at some moment of the window nothing was unread |
| STALL | a member has the partition, and commits nothing in the whole window |
| WARN | commits advance, the lag never shrank in the window |
| OK | otherwise |

Of a partition that does not answer nothing is judged and nothing counted: UNKNOWN, with the reason.

STALL, WARN and the STOP that is inferred need a window of `MIN_WINDOW_MS`: Faust commits every
2.8 s. Where the oldest unread event waits for its time (a retry), the window begins when that has
come, and the age is counted from there: until then nobody is meant to move.
"""  # noqa: E501 - a table row cannot be broken

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

WINDOW_SAMPLES = 10
MIN_WINDOW_MS = 10_000


class LagState(StrEnum):
    """What a group makes of a partition, the better first."""

    OK = "OK"
    WARN = "WARN"
    UNKNOWN = "UNKNOWN"
    REWIND = "REWIND"
    STALL = "STALL"
    STOP = "STOP"


SEVERITY = {state: rank for rank, state in enumerate(LagState)}


@dataclass(frozen=True, slots=True)
class Sample:
    """What the broker said of one partition at one moment. `position`: the next unread offset."""

    at_ms: int
    position: int
    end: int
    log_start: int = 0

    @property
    def lag(self) -> int:
        """How many offsets are unread: all that there are, where the position is beyond them."""
        return self.end - self.log_start if self.is_beyond_end else self.end - self.position

    @property
    def is_beyond_end(self) -> bool:
        """Whether more was read than the log holds: it was cut, or made again."""
        return self.position > self.end


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far behind a group is in one partition. Rates are events per second.

    `lag_seconds`: the age of the oldest unread event, of a retry since it is due; None while it is
    not known. `seconds_to_zero` at the rates of the window; infinite when it does not shrink, and
    how long it waits while the oldest is not due.
    `headroom_seconds`: how long until retention deletes the oldest unread event; None when nothing
    is unread or nothing is ever deleted. `deleted_unread`: events that retention took already.
    """

    group: str
    topic: str
    partition: int
    position: int
    end: int
    log_start: int
    lag: int
    lag_seconds: float | None
    rate_in: float
    rate_out: float
    seconds_to_zero: float
    state: LagState
    headroom_events: int
    headroom_seconds: float | None
    deleted_unread: int
    is_assigned: bool | None


@dataclass(frozen=True, slots=True)
class UnknownLag:
    """A partition of which nothing is known, and why: no figure stands for it."""

    group: str
    topic: str
    partition: int
    why: str


@dataclass(frozen=True, slots=True)
class GroupLag:
    """A group's lag over all its partitions: as bad as the worst of them.

    Where some are `unknown`, the figures are of the others: the least that it can be.

    `skew`: the largest partition number's lag over the mean of all; 1 is even. Partition p of every
    topic is on one worker, so they count together. The slowest partition, not the sum, decides
    `seconds_to_zero`.
    """

    group: str
    state: LagState
    lag: int
    max_lag_seconds: float
    rate_in: float
    rate_out: float
    seconds_to_zero: float
    skew: float
    unassigned: int
    deleted_unread: int
    headroom_seconds: float | None
    beyond_end: int = 0
    unknown: int = 0


def judge(samples: Sequence[Sample], *, is_assigned: bool | None, due_at_ms: int = 0) -> LagState:
    """Return the state of a partition from its samples, oldest first (at least one).

    `due_at_ms`: before it the oldest unread event is not to be taken.
    """
    if samples[-1].is_beyond_end:
        return LagState.REWIND
    if samples[-1].lag == 0:
        return LagState.OK
    return _judge_unread(samples, is_assigned=is_assigned, due_at_ms=due_at_ms)


def _judge_unread(
    samples: Sequence[Sample], *, is_assigned: bool | None, due_at_ms: int
) -> LagState:
    last = samples[-1]
    is_long_enough = last.at_ms - max(samples[0].at_ms, due_at_ms) >= MIN_WINDOW_MS
    is_moving = any(b.position != a.position for a, b in pairwise(samples))
    if is_assigned is False or (is_assigned is None and is_long_enough and not is_moving):
        return LagState.STOP
    if last.position < max(sample.position for sample in samples):
        return LagState.REWIND
    if not is_long_enough or any(sample.lag == 0 for sample in samples):
        return LagState.OK
    if not is_moving:
        return LagState.STALL
    return LagState.OK if any(b.lag < a.lag for a, b in pairwise(samples)) else LagState.WARN


def rates(samples: Sequence[Sample]) -> tuple[float, float]:
    """Return (in, out) in events per second over the window; zeros for a single sample."""
    first, last = samples[0], samples[-1]
    seconds = (last.at_ms - first.at_ms) / 1000
    if seconds <= 0:
        return 0.0, 0.0
    return (
        max(0, last.end - first.end) / seconds,
        max(0, last.position - first.position) / seconds,
    )


def seconds_to_zero(lag: int, rate_in: float, rate_out: float) -> float:
    """Return how long until nothing is unread at these rates; infinite when that is never."""
    if lag == 0:
        return 0.0
    return lag / (rate_out - rate_in) if rate_out > rate_in else math.inf


def partition_lag(
    samples: Sequence[Sample],
    *,
    group: str,
    topic: str,
    partition: int,
    log_start: int,
    committed: int | None,
    oldest_unread_ms: int | None,
    retention_ms: int | None,
    is_assigned: bool | None,
    due_at_ms: int = 0,
) -> PartitionLag:
    """Return the lag of one partition from its samples and what belongs to the last of them."""
    last = samples[-1]
    rate_in, rate_out = rates(samples)
    wait_ms = max(0, due_at_ms - last.at_ms)
    late_ms = None if oldest_unread_ms is None else last.at_ms - max(oldest_unread_ms, due_at_ms)
    age_ms = None if oldest_unread_ms is None else max(0, last.at_ms - oldest_unread_ms)
    headroom = None
    if last.lag and age_ms is not None and retention_ms is not None:
        headroom = max(0, retention_ms - age_ms) / 1000
    return PartitionLag(
        group=group,
        topic=topic,
        partition=partition,
        position=last.position,
        end=last.end,
        log_start=log_start,
        lag=last.lag,
        lag_seconds=0.0 if last.lag == 0 else None if late_ms is None else max(0, late_ms) / 1000,
        rate_in=rate_in,
        rate_out=rate_out,
        seconds_to_zero=wait_ms / 1000 or seconds_to_zero(last.lag, rate_in, rate_out),
        state=judge(samples, is_assigned=is_assigned, due_at_ms=due_at_ms),
        headroom_events=max(0, last.position - log_start),
        headroom_seconds=headroom,
        deleted_unread=max(0, log_start - committed) if committed is not None else 0,
        is_assigned=is_assigned,
    )


def group_lag(group: str, partitions: Iterable[PartitionLag], *, unknown: int = 0) -> GroupLag:
    """Return the sum, the worst and the slowest of a group's partitions."""
    parts = list(partitions)
    states = {part.state for part in parts} | ({LagState.UNKNOWN} if unknown else set())
    lag = sum(part.lag for part in parts)
    headrooms = [part.headroom_seconds for part in parts if part.headroom_seconds is not None]
    return GroupLag(
        group=group,
        state=max(states, key=SEVERITY.__getitem__, default=LagState.OK),
        lag=lag,
        max_lag_seconds=max((part.lag_seconds or 0.0 for part in parts), default=0.0),
        rate_in=sum(part.rate_in for part in parts),
        rate_out=sum(part.rate_out for part in parts),
        seconds_to_zero=max((part.seconds_to_zero for part in parts), default=0.0),
        skew=_skew(parts),
        unassigned=sum(part.is_assigned is False for part in parts),
        deleted_unread=sum(part.deleted_unread for part in parts),
        headroom_seconds=min(headrooms, default=None),
        beyond_end=sum(part.position > part.end for part in parts),
        unknown=unknown,
    )


def _skew(parts: Sequence[PartitionLag]) -> float:
    lags: dict[int, int] = {}
    for part in parts:
        lags[part.partition] = lags.get(part.partition, 0) + part.lag
    total = sum(lags.values())
    return max(lags.values()) * len(lags) / total if total else 1.0
