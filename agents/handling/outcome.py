"""What became of one event, and what must be published before its offset may be committed.

| outcome | result | state | re-published to |
|---|---|---|---|
| synced | yes | yes | |
| unchanged | yes | when its version is newer | |
| superseded | yes | | |
| synced, records renamed | yes | yes | `salesforce.due`, under the key they had |
| superseded, moved | yes | | its source topic, under the key it belongs to |
| retry | yes | in doubt | the retry tier of its attempt |
| parked | yes | in doubt | the first tier (or settle), without spending an attempt |
| dead | yes | in doubt | the dead-letter topic |
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import field
from typing import Any

import orjson

from agents.delivery.types import RefusedWrite
from agents.handling.parking import times_parked, why_parked
from schemas.codec import Document
from schemas.event import Envelope, ErrorInfo, derived_event_id
from schemas.frozen import dataclass
from schemas.headers import headers_of
from schemas.result import HELD_BACK, Outcome, Result, result_of
from schemas.state import State, state_key
from schemas.version_reset import RENAMED, RESET_EVENT
from stream.backfill.event import SENDER
from stream.kafka.publisher import Record
from stream.ops.quoted_masking import mask_quoted
from stream.retry_policy import RetryPolicy
from stream.topics import Topics

MESSAGE_CHARACTERS = 500  # of Salesforce's, as letters and results keep it


@dataclass(frozen=True, slots=True)
class Decision:
    """An event with its outcome. `republish` is the copy for a retry tier or the DLQ.

    Of a moved event it is what goes on under the right key, of one that renamed records the word to
    the worker of the old key. `writes` are further records of the
    state topic, written as they are. `is_repeated`: the last result of the event says the same.
    `held_state` is the state of its key if it may not die and waits.
    """

    envelope: Envelope
    result: Result
    state: State | None = None
    republish: Record | None = None
    writes: tuple[Record, ...] = ()
    is_repeated: bool = False
    held_state: State | None = None


@dataclass(frozen=True, slots=True)
class Notes:
    """What the result of an event should say besides its outcome."""

    reason: str = ""
    notes: tuple[str, ...] = ()
    mapping_version: str = ""
    worker: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    created: tuple[str, ...] = ()

    def as_fields(self) -> dict[str, object]:
        return {
            "reason": self.reason,
            "notes": list(self.notes),
            "mapping_version": self.mapping_version,
            "worker": self.worker,
            "salesforce_ids": self.ids,
            "created": list(self.created),
        }


def done(
    envelope: Envelope,
    outcome: Outcome,
    now_ms: int,
    says: Notes,
    *,
    state: State | None = None,
    writes: tuple[Record, ...] = (),
) -> Decision:
    """Return the decision of an event that needs nothing more: synced, unchanged, superseded."""
    result = result_of(envelope, outcome, at_ms=now_ms, **says.as_fields())
    return Decision(envelope, result, state=state, writes=writes)


def failed(
    envelope: Envelope,
    error: ErrorInfo,
    now_ms: int,
    says: Notes,
    *,
    policy: RetryPolicy,
    topics: Topics,
    may_retry: bool,
) -> Decision:
    """Return the decision of a record-level failure: the next retry tier, or the DLQ.

    Salesforce quotes the values it refuses. The event's own bytes have them; results, headers,
    lists and logs need not, so what is personal in a message is masked here, once for all readers.
    """
    document = _document_of(envelope)
    error = dataclasses.replace(error, message=_shortened(mask_quoted(error.message, document)))
    says = dataclasses.replace(says, reason=mask_quoted(says.reason, document))
    step = policy.next_step(envelope.attempt, now_ms) if may_retry else None
    story = dataclasses.replace(
        envelope,
        attempt=envelope.attempt + 1,
        parked_for="",
        first_failed_at_ms=envelope.first_failed_at_ms or now_ms,
        error=error,
        mapping_version=says.mapping_version,
        not_before_ms=step.not_before_ms if step else None,
    )
    topic = step.topic if step else topics.dead_letters
    return _republished(
        story, Outcome.RETRY if step else Outcome.DEAD, topic, now_ms=now_ms, says=says, error=error
    )


def _document_of(envelope: Envelope) -> Any:
    try:
        return orjson.loads(envelope.value)
    except orjson.JSONDecodeError:
        return None


def parked(envelope: Envelope, topic: str, delay_ms: int, now_ms: int, says: Notes) -> Decision:
    """Return the decision of an event that waits without having failed."""
    before = times_parked(envelope, says.reason)
    why = why_parked(says.reason, before)
    story = dataclasses.replace(envelope, not_before_ms=now_ms + delay_ms, parked_for=why)
    decision = _republished(story, Outcome.PARKED, topic, now_ms=now_ms, says=says, error=None)
    return dataclasses.replace(decision, is_repeated=before > 0)


def held_back(dead: Decision, topic: str, delay_ms: int, now_ms: int, *, worker: str) -> Decision:
    """Return the decision of an event that may not die now: it waits, and no attempt is spent."""
    envelope = dataclasses.replace(dead.envelope, attempt=dead.envelope.attempt - 1)
    says = Notes(
        reason=HELD_BACK + dead.result.error_code,
        mapping_version=dead.result.mapping_version,
        worker=worker,
    )
    waiting = parked(envelope, topic, delay_ms, now_ms, says)
    return dataclasses.replace(waiting, state=dead.held_state, writes=dead.writes)


def vacancy(envelope: Envelope, key: str, now_ms: int, *, said_ms: int) -> Envelope:
    """Return the word to whoever owns a key that its records have left (docs/decisions/0034).

    `said_ms` is when the store said so: it is no news to who has heard of the key since.
    """
    return Envelope(
        event_id=derived_event_id(now_ms, envelope.event_id),
        event=RESET_EVENT,
        kind=envelope.kind,
        key=key,
        received_at_ms=said_ms,
        value=RENAMED,
        sender=SENDER,
    )


def moved(
    envelope: Envelope,
    document: Document,
    now_ms: int,
    topics: Topics,
    worker: str,
    *,
    value: bytes = b"",
    sign: Callable[[Envelope], Envelope] = lambda envelope: envelope,
) -> Decision:
    """Return the decision of an event whose document belongs to another key than the event's.

    `value` are the bytes that go on, the event's own; by default those of the document, as it was
    read from the store. `sign` signs an operator's event anew.

    It ends here, and its content goes on as a new event in the partition of the right key: one
    order has one worker at a time. Killed in between and moved again, it goes on twice, the second
    time as unchanged; both ids end alike (`derived_event_id`).
    """
    successor = sign(
        dataclasses.replace(
            envelope,
            event_id=derived_event_id(now_ms, envelope.event_id),
            kind=document.kind or envelope.kind,
            key=document.key,
            value=value or orjson.dumps(document.entity),
            # Nobody signed what the store said. The bytes as they came stay their sender's:
            # under the store's name, a notice would never be completed.
            sender=envelope.sender if value else SENDER,
            signature_key=envelope.signature_key if value else "",
            origin=None,
            attempt=0,
            first_failed_at_ms=None,
            not_before_ms=None,
            error=None,
        )
    )
    says = Notes(reason=f"goes on under its own key as event {successor.event_id}", worker=worker)
    record = Record(
        topic=topics.source_of(successor.kind),
        key=successor.key.encode(),
        value=successor.value,
        headers=headers_of(successor),
    )
    ended = done(envelope, Outcome.SUPERSEDED, now_ms, says)
    return dataclasses.replace(ended, republish=record)


def error_of(refused: RefusedWrite) -> ErrorInfo:
    """Return the error of a refused row as headers and results carry it."""
    return ErrorInfo(
        kind=refused.kind.value,
        code=refused.code,
        message=refused.message,
        fields=refused.fields,
        status=refused.status,
        rule=refused.rule,
    )


def _shortened(message: str) -> str:
    """Return a masked message's beginning and its end: automation tells the cause last."""
    if len(message) <= MESSAGE_CHARACTERS:
        return message
    return f"{message[: MESSAGE_CHARACTERS // 2]} … {message[-MESSAGE_CHARACTERS // 2 :]}"


def state_record(decision: Decision, topics: Topics) -> Record | None:
    """Return the state write of a decision; it goes to the event's own partition."""
    if decision.state is None or decision.envelope.origin is None:
        return None
    envelope = decision.envelope
    return Record(
        topic=topics.state,
        key=state_key(envelope.kind, envelope.key),
        value=decision.state.to_bytes(),
        partition=decision.envelope.origin.partition,
    )


def result_record(decision: Decision, topics: Topics) -> Record:
    """Return the audit record of a decision, in the event's own partition number."""
    return Record(
        topic=topics.results,
        key=decision.envelope.key.encode(),
        value=decision.result.to_bytes(),
        partition=decision.result.origin_partition,
    )


def _republished(
    story: Envelope,
    outcome: Outcome,
    topic: str,
    *,
    now_ms: int,
    says: Notes,
    error: ErrorInfo | None,
) -> Decision:
    more = says.as_fields()
    if error is not None:
        more |= {
            "error_kind": error.kind,
            "error_code": error.code,
            "error_message": error.message,
            "error_fields": list(error.fields),
            "error_status": error.status,
            "error_rule": error.rule,
        }
    if outcome is not Outcome.DEAD:
        more |= {"retry_topic": topic, "not_before_ms": story.not_before_ms}
    result = result_of(story, outcome, at_ms=now_ms, **more)
    record = Record(
        topic=topic,
        key=story.key.encode(),
        value=story.value,
        headers=headers_of(story),
        partition=result.origin_partition,
    )
    return Decision(story, result, republish=record)
