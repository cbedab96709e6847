"""The erasure in the worker: the event's decision, and the look before every write."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision, Notes, done
from schemas.erasure import ERASURE_EVENT, Erasure, marker_key
from schemas.event import Envelope, Kind, Origin
from schemas.result import Outcome
from schemas.state import State
from stream.kafka.publisher import Record
from stream.topics import Topics

REASON = "erased on request: nothing older of this person is written again"
REFUSED = "this person was erased on request"


def is_erasure(envelope: Envelope, topics: Topics) -> bool:
    """Whether this is an erasure: by name, and put into the due topic by an operator.

    No webhook can be one: the ingress writes into the fact topics only, and a copy of such an event
    keeps its first record's coordinates.
    """
    origin = envelope.origin
    return envelope.event == ERASURE_EVENT and origin is not None and origin.topic == topics.due


def decide_erasure(envelope: Envelope, topics: Topics, now_ms: int, worker: str) -> Decision:
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


def _write(topics: Topics, origin: Origin, key: bytes, value: bytes | None) -> Record:
    return Record(topic=topics.state, key=key, value=value, partition=origin.partition)
