"""What a person is told to do, by the state the event is in.

The instruction is the rule's; what becomes of the event meanwhile is not: a dead letter waits for a
person, a parked event for its cause to go, a retried one for its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agents.salesforce.errors.error_table import BY_CODE, ROW, WRAPPER_CODES, in_automation
from agents.salesforce.errors.errors import classify
from stream.dlq.open_letters import DeadLetter


class EventState(StrEnum):
    """Where an event is that Salesforce has not taken."""

    RETRIED = "retried"
    PARKED = "parked"
    DEAD = "dead"


def fix_for(state: EventState, fix: str) -> str:
    """Return the whole advice for an event in this state; `fix` is the rule's instruction."""
    match state:
        case EventState.RETRIED:
            return f"Nothing to do yet: it is repeated by itself. If it comes back: {fix}"
        case EventState.PARKED:
            return f"{fix} It waits without spending an attempt, and then goes on by itself."
        case EventState.DEAD:
            return f"{fix} Then `orderstream dlq requeue`."


@dataclass(frozen=True, slots=True)
class Advised:
    """What a person reads about a dead letter."""

    meaning: str
    fix: str


def dead_letter_advice(code: str, message: str, *, status: int = 0, rule: str = "") -> Advised:
    """Return what a dead letter means and what to do about it, by the rule that judged it.

    Letters of older versions have no rule: they are judged again, by status and code.
    """
    judged = BY_CODE.get(rule) or classify(status or ROW, code, message)
    if rule in BY_CODE and code in WRAPPER_CODES and rule not in WRAPPER_CODES:
        judged = in_automation(BY_CODE[rule])
    return Advised(judged.meaning, fix_for(EventState.DEAD, judged.fix))


def letter_advice(letter: DeadLetter) -> Advised:
    """Return the advice for an open letter."""
    return dead_letter_advice(letter.code, letter.message, status=letter.status, rule=letter.rule)
