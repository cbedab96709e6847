"""The newest event of each order in a batch: as if they had come one after the other. Pure.

A batch is a fold over the state: each event is judged against what the events before it would have
left. The last one that is not held back is written for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision
from agents.handling.outcome_rules import OutcomeRules
from agents.handling.version_guard import VersionVerdict, judge
from schemas.event import Kind
from schemas.result import Outcome
from schemas.state import State

# What every whole order has, and no news of one.
WHOLE = ("grand_total", "base_grand_total", "items")
STATE = ("state", True)
IN_BATCH = "a newer event of this order is in the same batch"


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
    groups: dict[bytes, list[DecodedEvent]] = {}
    for item in items:
        groups.setdefault(item.key, []).append(item)
    newest: list[DecodedEvent] = []
    contested: set[bytes] = set()
    for key, events in groups.items():
        if len(events) == 1:
            newest += events
            continue
        state = state_of(events[0])
        last = _last(events, state)
        for event in events:
            if event.candidate is last.candidate:
                continue
            verdict = judge(state, event.candidate)
            if verdict is VersionVerdict.SUPERSEDED:
                decisions.append(ends.superseded(event, state))
                continue
            decisions.append(ends.done(event, Outcome.SUPERSEDED, IN_BATCH))
            if verdict is VersionVerdict.SEND:
                contested.add(key)
        newest.append(last)
    return newest, contested


def _last(events: Sequence[DecodedEvent], state: State | None) -> DecodedEvent:
    """Return the event that stands when all have come; of none, the last one as it is."""
    stands: DecodedEvent | None = None
    for event in events:
        verdict = judge(state, event.candidate)
        if verdict is VersionVerdict.SUPERSEDED:
            continue
        is_told = verdict is VersionVerdict.SEND or _is_newer(event, state)
        if stands is not None and not is_told:
            continue  # the content is there, and nothing of this event goes on record
        stands = replace(_whole(event, stands), base=state) if stands else event
        if is_told:
            state = stands.new_state(state, {})
    return stands or events[-1]


def _whole(event: DecodedEvent, older: DecodedEvent) -> DecodedEvent:
    """Return an event that tells a part of its order with the rest as the one before it said it.

    A status webhook is newer than the save before it and says neither its totals nor its rows.
    Event by event both would be written; of a batch only the last one is.
    """
    said, before = event.document.entity, older.document.entity
    if event.document.kind is not Kind.ORDER or any(name in said for name in WHOLE):
        return event
    # A status tells the stage as well: the older state beside it would contradict it.
    rest = {k: v for k, v in before.items() if k not in said and (k, "status" in said) != STATE}
    return replace(event, document=replace(event.document, entity=rest | said))


def _is_newer(event: DecodedEvent, state: State | None) -> bool:
    return state is not None and event.candidate.version > state.version
