"""The newest event of each order in a batch: as if they had come one after the other. Pure.

Of one key, a batch works on the first run of events that say the same parts: all of them whole, or
all of the same names. A run is a fold over the state: each event is judged against what the events
before it would have left, and the last one that is not held back is written for all of them. What
follows the run is taken again when that is over, because a status says nothing of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision
from agents.handling.outcome_rules import OutcomeRules
from agents.handling.version_guard import VersionVerdict, judge
from schemas.result import Outcome
from schemas.state import State

IN_BATCH = "a newer event of this order is in the same batch"
WRITTEN = (VersionVerdict.SEND, VersionVerdict.FILL)


@dataclass(slots=True)
class Newest:
    """What stands of a batch: `items`, one for each key; `later` is to be taken again.

    Contested are the keys of which an older event in this batch would have been sent, had it been
    alone. Perhaps a killed worker did so, and 'unchanged' cannot be trusted; perhaps we are killed,
    and our successor would (see write_intent). What the state outdates contests nothing.
    """

    items: list[DecodedEvent] = field(default_factory=list)
    later: list[DecodedEvent] = field(default_factory=list)
    contested: set[bytes] = field(default_factory=set)


def newest_of(
    items: Iterable[DecodedEvent],
    state_of: Callable[[DecodedEvent], State | None],
    ends: OutcomeRules,
    decisions: list[Decision],
) -> Newest:
    """Return the newest event of each order; what it makes needless gets its decision here."""
    groups: dict[bytes, list[DecodedEvent]] = {}
    for item in items:
        groups.setdefault(item.key, []).append(item)
    found = Newest()
    for key, events in groups.items():
        if len(events) == 1:
            found.items += events
            continue
        run = _first_run(events)
        found.later += events[len(run) :]
        state = state_of(run[0])
        last = _last(run, state)
        for event in run:
            if event.candidate is last.candidate:
                continue
            verdict = judge(state, event.candidate)
            if verdict is VersionVerdict.SUPERSEDED:
                decisions.append(ends.superseded(event, state))
                continue
            decisions.append(ends.done(event, Outcome.SUPERSEDED, IN_BATCH))
            if verdict is VersionVerdict.SEND or (
                verdict is VersionVerdict.FILL and not event.candidate.is_part
            ):
                found.contested.add(key)
        found.items.append(last)
    return found


def _first_run(events: Sequence[DecodedEvent]) -> list[DecodedEvent]:
    alike = _likeness(events[0])
    return list(takewhile(lambda event: _likeness(event) == alike, events))


def _likeness(event: DecodedEvent) -> tuple[frozenset[str], bool]:
    """Return what the events of a run share; an undated part says nothing of a dated one."""
    return event.parts_said, event.candidate.is_part and bool(event.candidate.version)


def _last(events: Sequence[DecodedEvent], state: State | None) -> DecodedEvent:
    """Return the event that stands when all have come; of none, the last one as it is."""
    stands: DecodedEvent | None = None
    for event in events:
        verdict = judge(state, event.candidate)
        if verdict is VersionVerdict.SUPERSEDED:
            continue
        is_told = verdict in WRITTEN or _is_newer(event, state)
        fills_below = stands is not None and stands.told_over is not None
        if stands is not None and not is_told and not (fills_below and event.candidate.is_part):
            continue  # the content is there, and nothing of this event goes on record
        is_beneath = verdict is VersionVerdict.FILL
        if stands is not None and is_beneath and _is_said_by(stands, event):
            continue
        told_over = frozenset[str]() if is_beneath else None
        stands = replace(event, base=state if stands else None, told_over=told_over)
        if is_told:
            state = stands.new_state(state, {})
    return stands or events[-1]


def _is_said_by(stands: DecodedEvent, event: DecodedEvent) -> bool:
    """Whether a part of the same run says the same names, and was not saved before."""
    saved = stands.candidate.version
    is_later = bool(saved) and saved < event.candidate.version
    return event.candidate.is_part and not is_later


def _is_newer(event: DecodedEvent, state: State | None) -> bool:
    return state is not None and event.candidate.version > state.version
