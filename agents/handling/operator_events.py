"""What an operator tells the owner of a key: erase it, or forget its version.

Each is an event by name, put into the due topic by an operator. No webhook can be one: the ingress
writes into the topics of facts only, and a copy of such an event keeps its first record's
coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import orjson

from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision, Notes, done
from agents.handling.outcome_rules import OutcomeRules
from schemas.erasure import ERASURE_EVENT, Erasure, marker_key
from schemas.event import Envelope, Kind, Origin
from schemas.result import Outcome
from schemas.state import State, state_key
from schemas.version_reset import RENAMED, RESET_EVENT
from stream.kafka.publisher import Record
from stream.topics import Topics

REASON = "erased on request: nothing older of this person is written again"
REFUSED = "this person was erased on request"
DONE = "version reset by an operator: the next event of this key is written, whatever its time"
VACANT = "the customer's records have another key by now: nothing is known of this one"
BACK = "the customer's records have left this key and come back to it: what is known of it stays"
NOTHING = "nothing is known of this key, so there is nothing to reset"


def of_operators(envelopes: Sequence[Envelope], topics: Topics) -> list[Envelope]:
    """Return what operators asked; erasures last, so that no state goes over a tombstone."""
    asked = [
        envelope
        for envelope in envelopes
        if envelope.event in {ERASURE_EVENT, RESET_EVENT}
        and envelope.origin is not None
        and envelope.origin.topic == topics.due
    ]
    return sorted(asked, key=lambda envelope: envelope.event == ERASURE_EVENT)


def decide(
    envelope: Envelope,
    topics: Topics,
    get_state: Callable[[int, bytes], State | None],
    now_ms: int,
    worker: str,
) -> Decision:
    """Return what becomes of an operator's event, and of what is kept of its key."""
    if envelope.event == ERASURE_EVENT:
        return _decide_erasure(envelope, topics, now_ms, worker)
    return _decide_reset(envelope, get_state, now_ms, worker)


def _decide_erasure(envelope: Envelope, topics: Topics, now_ms: int, worker: str) -> Decision:
    """Return the decision: a tombstone for the key, and the marker."""
    origin = envelope.origin
    assert origin is not None
    try:
        erasure = Erasure.from_bytes(envelope.value)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        says = Notes(reason="an erasure that names nobody: left out", worker=worker)
        return done(envelope, Outcome.UNCHANGED, now_ms, says)
    marker = State(erasure.until, "", origin.topic, origin.partition, origin.offset)
    writes = (
        _write(topics, origin, erasure.state_key, None),
        _write(topics, origin, marker_key(erasure.state_key), marker.to_bytes()),
    )
    says = Notes(reason=REASON, worker=worker)
    return done(envelope, Outcome.SUPERSEDED, now_ms, says, writes=writes)


def is_erased(item: DecodedEvent, get_state: Callable[[int, bytes], State | None]) -> bool:
    """Whether the event is of a person who was erased, and may not be written."""
    marker = get_state(item.origin.partition, marker_key(item.key))
    if marker is None:
        return False
    is_order = item.document.kind is Kind.ORDER
    return is_order or item.candidate.time <= marker.version


def not_erased(
    items: Iterable[DecodedEvent],
    get_state: Callable[[int, bytes], State | None],
    ends: OutcomeRules,
    decisions: list[Decision],
) -> Iterator[DecodedEvent]:
    """Yield the events of who was not erased; the others get their decision here."""
    for item in items:
        if is_erased(item, get_state):
            decisions.append(ends.done(item, Outcome.SUPERSEDED, REFUSED))
        else:
            yield item


def _write(topics: Topics, origin: Origin, key: bytes, value: bytes | None) -> Record:
    return Record(topic=topics.state, key=key, value=value, partition=origin.partition)


def _decide_reset(
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
    if is_renamed and state is not None and state.seen_ms > envelope.received_at_ms:
        says = Notes(reason=BACK, worker=worker)
        return done(envelope, Outcome.UNCHANGED, now_ms, says)
    reason = NOTHING if state is None else VACANT if is_renamed else DONE
    says = Notes(reason=reason, worker=worker)
    reset = None
    if state is not None:
        reset = state.as_vacant() if is_renamed else state.as_reset()
    return done(envelope, Outcome.UNCHANGED, now_ms, says, state=reset)
