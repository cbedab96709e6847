"""The newest event of each order in a batch: as if they had come one after the other. Pure.

Of one key, a batch works on the first run of events that say the same parts: all of them whole, or
all of the same names. A run is a fold over the state: each event is judged against what the events
before it would have left, and the last one that is not held back is written for all of them. What
follows the run is taken again when that is over, because a status says nothing of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision
from agents.handling.outcome_rules import OutcomeRules
from agents.handling.version_guard import VersionVerdict, judge
from schemas.result import Outcome
from schemas.state import State

IN_BATCH = "a newer event of this order is in the same batch"


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
        state = state_of(events[0])
        length, last = _first_run(events, state)
        found.later += events[length:]
        for event in events[:length]:
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


def _first_run(events: Sequence[DecodedEvent], state: State | None) -> tuple[int, DecodedEvent]:
    """Return how many events the first run has, and which one stands when all of them have come.

    An event that fills beneath newer parts goes alone: what is left of it, and so what goes on
    record, only the mapping knows. Where none stands, it is the last one as it is.
    """
    alike, stands = _likeness(events[0]), None
    for number, event in enumerate(events):
        if _likeness(event) != alike:
            return number, stands or events[number - 1]
        verdict = judge(state, event.candidate)
        if verdict is VersionVerdict.FILL:
            return (number + 1, event) if stands is None else (number, stands)
        if verdict is VersionVerdict.SUPERSEDED:
            continue
        is_told = verdict is VersionVerdict.SEND or _is_newer(event, state)
        if stands is not None and not is_told:
            continue  # the content is there, and nothing of this event goes on record
        stands = replace(event, base=state if stands else None)
        if is_told:
            state = stands.new_state(state, {})
    return len(events), stands or events[-1]


def _likeness(event: DecodedEvent) -> tuple[frozenset[str], bool]:
    """Return what the events of a run share; an undated part says nothing of a dated one."""
    return event.parts_said, event.candidate.is_part and bool(event.candidate.version)


def _is_newer(event: DecodedEvent, state: State | None) -> bool:
    return state is not None and event.candidate.version > state.version
