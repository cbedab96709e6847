"""How many orders the next call takes, and why it is sent now. Pure.

| calls | orders wait | the next call takes | why |
|---|---|---|---|
| plenty: every free slot has a token | few | its share of what waits, at once | slot |
| plenty | more than fit in the latency target | what fits | target |
| scarce: fewer tokens than slots, or a pace | any | all its share | budget |
| any | more than a call holds | what a call holds | full |

Scarce calls share what waits. Plenty: a call takes its share of what waits over all slots, also
those that are busy now: they come free soon, and a call that took everything would keep all of it
as long as its rows take. More only as far as more rows cost next to nothing.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.frozen import dataclass

MOST_FRESH_CALLS = 4


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


@dataclass(frozen=True, slots=True)
class Means:
    """What there is to send with: slots at all, calls that could start now, and the org's cost.

    `cheap` orders cost little more than one, `within_target` keep to the latency target, `most`
    fit in a call.
    """

    slots: int
    startable: int
    is_scarce: bool
    cheap: int
    within_target: int
    most: int


def next_call(waiting: int, means: Means) -> CallSize:
    """Return the size of the next call when so many orders wait."""
    most, share = means.most, -(-waiting // max(1, means.startable))
    if means.is_scarce:
        return CallSize(min(share, most), Why.FULL if share >= most else Why.BUDGET)
    share = max(-(-waiting // max(1, means.slots)), min(share, means.cheap))
    if share > min(means.within_target, most):
        is_full = means.within_target >= most
        return CallSize(most, Why.FULL) if is_full else CallSize(means.within_target, Why.TARGET)
    return CallSize(share, Why.SLOT)


def is_turn_of_lines(in_lines: int, ready: int, fresh_calls: int) -> bool:
    """Return whether the next call is of those in line for a lock that is free now.

    `fresh_calls` went since their last one, while `ready` others wait. They go in turn, the more
    seldom the fewer they are: theirs is a small call, and keeps its slot from a large one.
    """
    if not in_lines:
        return False
    return not ready or fresh_calls >= min(MOST_FRESH_CALLS, max(1, ready // in_lines))
