"""The newest event of each order in a batch: as if they had come one after the other. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision
from agents.handling.outcome_rules import OutcomeRules
from agents.handling.version_guard import VersionVerdict, judge
from schemas.result import Outcome
from schemas.state import State


def newest_of(
    items: Iterable[DecodedEvent],
    state_of: Callable[[DecodedEvent], State | None],
    ends: OutcomeRules,
    decisions: list[Decision],
) -> tuple[list[DecodedEvent], set[bytes]]:
    """Return the newest event of each order, and the keys of the orders that are contested.

    Contested: an older event of the order in this batch would have been sent, had it been alone.
    Perhaps a killed worker did so, and 'unchanged' cannot be trusted; perhaps we are killed, and
    our successor would (see write_intent). What the state outdates contests nothing.
    """
    newest: dict[bytes, DecodedEvent] = {}
    contested: set[bytes] = set()
    for item in items:
        held = newest.setdefault(item.key, item)
        if held is item:
            continue
        state = state_of(item)
        outdated = [
            event
            for event in (held, item)
            if judge(state, event.candidate) is VersionVerdict.SUPERSEDED
        ]
        if outdated:
            newest[item.key] = held if item in outdated else item
            decisions.append(ends.superseded(outdated[-1], state))
            continue
        is_newer = item.follows(held, state)
        newer, older = (item, held) if is_newer else (held, item)
        if is_newer:
            newer = replace(item, dated=held.candidate.version or held.dated)
        if judge(state, older.candidate) is VersionVerdict.SEND:
            contested.add(item.key)
            if is_newer:
                outdid = (*held.outdid, held.candidate.digest)
                newer = replace(newer, outdid=outdid)
        newest[item.key] = newer
        reason = "a newer event of this order is in the same batch"
        decisions.append(ends.done(older, Outcome.SUPERSEDED, reason))
    return list(newest.values()), contested
