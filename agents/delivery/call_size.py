"""How many orders the next call takes, and why it is sent now. Pure.

| calls | orders wait | the next call takes | why |
|---|---|---|---|
| plenty: every free slot has a token | few | its share of what waits, at once | slot |
| plenty | more than fit in the latency target | what fits | target |
| scarce: fewer tokens than slots, or a pace | any | all its share | budget |
| any | more than a call holds | what a call holds | full |

What waits is shared over the calls that could start now, so that none of the free slots stays idle
beside a large call.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why a call was sent with what it has."""

    SLOT = "slot"
    TARGET = "target"
    FULL = "full"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class CallSize:
    """The orders of the next call."""

    orders: int
    why: Why


def next_call(
    waiting: int, *, startable: int, is_scarce: bool, within_target: int, most: int
) -> CallSize:
    """Return the size of the next call; `startable` calls could start now."""
    share = -(-waiting // max(1, startable))
    if is_scarce:
        return CallSize(min(share, most), Why.FULL if share >= most else Why.BUDGET)
    if share > min(within_target, most):
        return CallSize(*(within_target, Why.TARGET) if within_target < most else (most, Why.FULL))
    return CallSize(share, Why.SLOT)
