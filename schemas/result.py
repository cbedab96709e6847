"""The audit record: one line in `salesforce.results` for everything that became of an event.

Keyed by the order's (customer's) key and published to the event's own partition number, so that one
order's life is read from one partition.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from schemas.event import Envelope


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


class Result(BaseModel):
    """One outcome of one event. Times are unix milliseconds; `latency_ms` counts from receipt."""

    model_config = ConfigDict(extra="ignore", frozen=True)

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
    salesforce_ids: dict[str, str] = Field(default_factory=dict)
    created: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    error_kind: str = ""
    error_code: str = ""
    error_message: str = ""
    error_fields: list[str] = Field(default_factory=list)
    error_status: int = 0
    error_rule: str = ""
    retry_topic: str = ""
    not_before_ms: int | None = None
    mapping_version: str = ""
    job_id: str = ""
    worker: str = ""

    def to_bytes(self) -> bytes:
        """Return the JSON without empty fields: a million results are kept and read back."""
        return orjson.dumps(self.model_dump(mode="json", exclude_defaults=True))

    @classmethod
    def from_bytes(cls, value: bytes) -> Result:
        """Parse a record value; raises pydantic.ValidationError or orjson.JSONDecodeError."""
        return cls.model_validate(orjson.loads(value))


def result_of(envelope: Envelope, outcome: Outcome, *, at_ms: int, **more: Any) -> Result:
    """Return the result of an envelope; `more` are fields of `Result`. Needs an origin."""
    origin = envelope.origin
    if origin is None:
        raise ValueError(f"event {envelope.event_id} was never published: it has no origin")
    return Result(
        event_id=envelope.event_id,
        kind=envelope.kind.value,
        key=envelope.key,
        outcome=outcome,
        event=envelope.event,
        via=envelope.via.value,
        origin_topic=origin.topic,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        attempt=envelope.attempt,
        at_ms=at_ms,
        latency_ms=max(0, at_ms - envelope.received_at_ms),
        job_id=envelope.job_id,
        **more,
    )
