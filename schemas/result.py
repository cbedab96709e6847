"""The audit record: one line in `salesforce.results` for everything that became of an event.

Keyed by the order's (customer's) key and published to the event's own partition number, so that one
order's life is read from one partition.
"""

from __future__ import annotations

from dataclasses import MISSING, field, fields
from enum import StrEnum
from itertools import compress
from operator import attrgetter
from types import NoneType
from typing import Any

import orjson
from pydantic import TypeAdapter

from schemas.event import Envelope
from schemas.frozen import dataclass

HELD_BACK = "held back: too many events die of "  # a reason; the error's code follows


class Outcome(StrEnum):
    """What can become of an event. `audit` balances the first four plus pending."""

    SYNCED = "synced"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    DEAD = "dead"
    RETRY = "retry"
    PARKED = "parked"

    @property
    def is_final(self) -> bool:
        """Whether the event is done; RETRY and PARKED events are pending."""
        return self not in (Outcome.RETRY, Outcome.PARKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One outcome of one event. Times are unix milliseconds; `latency_ms` counts from receipt."""

    event_id: str
    kind: str
    key: str
    outcome: Outcome
    reason: str = ""
    event: str = ""
    via: str = "live"
    origin_topic: str
    origin_partition: int
    origin_offset: int
    attempt: int = 0
    at_ms: int
    latency_ms: int = 0
    salesforce_ids: dict[str, str] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error_kind: str = ""
    error_code: str = ""
    error_message: str = ""
    error_fields: list[str] = field(default_factory=list)
    error_status: int = 0
    error_rule: str = ""
    retry_topic: str = ""
    not_before_ms: int | None = None
    mapping_version: str = ""
    job_id: str = ""
    worker: str = ""

    def to_bytes(self) -> bytes:
        """Return the JSON without empty fields: a million results are kept and read back."""
        told: dict[str, Any] = {
            "event_id": self.event_id,
            "kind": self.kind,
            "key": self.key,
            "outcome": self.outcome,
            "origin_topic": self.origin_topic,
            "origin_partition": self.origin_partition,
            "origin_offset": self.origin_offset,
            "at_ms": self.at_ms,
        }
        values = _values_left_out(self)
        told.update(compress(zip(_LEFT_OUT, values, strict=True), values))
        if self.via != "live":
            told["via"] = self.via
        if self.not_before_ms is not None:
            told["not_before_ms"] = self.not_before_ms
        return orjson.dumps(told)

    @classmethod
    def from_bytes(cls, value: bytes) -> Result:
        """Parse a record value; raises pydantic.ValidationError or orjson.JSONDecodeError."""
        return _RESULT.validate_python(orjson.loads(value))


_RESULT = TypeAdapter(Result)
# What is left out when it is empty.
_LEFT_OUT = tuple(
    one.name
    for one in fields(Result)
    if one.default in ("", 0) or one.default_factory is not MISSING
)
_values_left_out = attrgetter(*_LEFT_OUT)
_NEEDED = (
    ("event_id", str),
    ("outcome", str),
    ("origin_topic", str),
    ("origin_partition", int),
    ("origin_offset", int),
    ("at_ms", int),
)
_KINDS: dict[str, type] = {
    **dict.fromkeys(("reason", "event", "kind", "key", "via", "job_id", "retry_topic"), str),
    **dict.fromkeys(("error_kind", "error_code", "error_message"), str),
    **dict.fromkeys(("attempt", "latency_ms"), int),
    **dict.fromkeys(("created", "notes", "error_fields"), list),
    "salesforce_ids": dict,
}
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)


def read_result(value: bytes | None) -> dict[str, Any]:
    """Return a result as data, without what was left empty. Raises ValueError when it is none.

    For who reads a million of them: what somebody else wrote into the topic must end no reading.
    """
    read = orjson.loads(value or b"")
    if type(read) is not dict:
        raise ValueError("no result")
    for name, kind in _NEEDED:
        if type(read.get(name)) is not kind:
            raise ValueError(f"no result: {name}")
    if read["outcome"] not in _OUTCOMES:
        raise ValueError("no result: outcome")
    for name, given in read.items():
        if type(given) is not _KINDS.get(name, type(given)):
            raise ValueError(f"no result: {name}")
    if type(read.get("not_before_ms")) not in (int, NoneType):
        raise ValueError("no result: not_before_ms")
    return read


def result_of(envelope: Envelope, outcome: Outcome, *, at_ms: int, **more: Any) -> Result:
    """Return the result of an envelope; `more` are fields of `Result`. Needs an origin."""
    origin = envelope.origin
    if origin is None:
        raise ValueError(f"event {envelope.event_id} was never published: it has no origin")
    return Result(
        event_id=envelope.event_id,
        kind=str(envelope.kind),  # a StrEnum's value, which as such costs two calls
        key=envelope.key,
        outcome=outcome,
        event=envelope.event,
        via=str(envelope.via),
        origin_topic=origin.topic,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        attempt=envelope.attempt,
        at_ms=at_ms,
        latency_ms=max(0, at_ms - envelope.received_at_ms),
        job_id=envelope.job_id,
        **more,
    )
