"""Which events of a batch wait for their order to settle, and which of those that waited may go."""

from __future__ import annotations

from collections.abc import Sequence

from agents.handling.debounce import Debounce, makes_needless
from agents.handling.decode import WHOLE, DecodedEvent
from agents.handling.outcome import Decision, Notes, parked
from agents.handling.outcome_rules import OutcomeRules
from schemas.event import Kind, Via
from schemas.result import Outcome
from schemas.state import State


def settle(
    items: Sequence[DecodedEvent],
    settling: Debounce,
    delay_ms: int,
    ends: OutcomeRules,
    decisions: list[Decision],
) -> list[DecodedEvent]:
    """Park fresh live orders; let overtaken returning ones go. Return the others."""
    rest = []
    for item in items:
        now = ends.clock_ms()
        if _is_fresh(item):
            settling.park((item.key, item.parts_said), item.candidate, now)
            says = Notes(reason="waits for its order to settle", worker=ends.worker)
            waits = parked(item.envelope, ends.topics.settle, delay_ms, now, says)
            decisions.append(waits)
        elif _gives_way(item, settling, ends.get_state(item.origin.partition, item.key), now):
            reason = "a newer event of this order is settling"
            decisions.append(ends.done(item, Outcome.SUPERSEDED, reason))
        else:
            rest.append(item)
    return rest


def _gives_way(item: DecodedEvent, settling: Debounce, state: State | None, now_ms: int) -> bool:
    for said in {item.parts_said, WHOLE}:
        newer = settling.overtaken_by((item.key, said), item.candidate, now_ms)
        if newer and makes_needless(newer, item, state):
            settling.note_gone(item.key, newer)
            return True
    return False


def _is_fresh(item: DecodedEvent) -> bool:
    """Whether a live order event comes straight from its source topic, never parked."""
    envelope = item.envelope
    return (
        envelope.via is Via.LIVE
        and envelope.kind is Kind.ORDER
        and envelope.attempt == 0
        and envelope.not_before_ms is None
    )
