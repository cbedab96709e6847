"""The reset in the worker: the key's version is forgotten, what else is known of it stays."""

from __future__ import annotations

from collections.abc import Callable

from agents.handling.outcome import Decision, Notes, done
from schemas.event import Envelope
from schemas.result import Outcome
from schemas.state import State, state_key
from schemas.version_reset import RENAMED, RESET_EVENT
from stream.topics import Topics

DONE = "version reset by an operator: the next event of this key is written, whatever its time"
VACANT = "the customer's records have another key by now: nothing is known of this one"
NOTHING = "nothing is known of this key, so there is nothing to reset"


def is_reset(envelope: Envelope, topics: Topics) -> bool:
    """Whether this is a reset: by name, and put into the due topic by an operator."""
    origin = envelope.origin
    return envelope.event == RESET_EVENT and origin is not None and origin.topic == topics.due


def decide_reset(
    envelope: Envelope,
    get_state: Callable[[int, bytes], State | None],
    now_ms: int,
    worker: str,
) -> Decision:
    """Return the decision: the state without its version, or without its document."""
    origin = envelope.origin
    assert origin is not None
    state = get_state(origin.partition, state_key(envelope.kind, envelope.key))
    is_renamed = envelope.value == RENAMED
    reason = NOTHING if state is None else VACANT if is_renamed else DONE
    says = Notes(reason=reason, worker=worker)
    reset = None
    if state is not None:
        reset = state.as_vacant() if is_renamed else state.as_reset()
    return done(envelope, Outcome.UNCHANGED, now_ms, says, state=reset)
