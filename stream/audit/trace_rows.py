"""One line of an order's life from one record of any topic. Pure: records in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from schemas.event import Envelope, Via
from schemas.operator import mark_of
from schemas.result import read_result
from stream.kafka.log.range_reader import Record, record_envelope
from stream.topics import Topics


class TraceStep(StrEnum):
    """What a row tells."""

    DELIVERED = "delivered"
    OUTCOME = "outcome"
    WAITS = "waits"
    SETTLES = "settles"
    DUE = "due again"
    REPLAYED = "replayed"
    REQUEUED = "requeued"
    DEAD_LETTER = "dead letter"
    RESOLVED = "resolved"


# What a worker was given, what it decided, what it wrote because of it.
GIVEN = frozenset({TraceStep.DELIVERED, TraceStep.DUE, TraceStep.REPLAYED, TraceStep.REQUEUED})


def rank_of(step: TraceStep) -> int:
    """Return what comes first of things that happened in the same millisecond."""
    return 0 if step in GIVEN else 1 if step is TraceStep.OUTCOME else 2


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One thing that happened to one event. `more` has what only this step knows."""

    at_ms: int
    step: TraceStep
    event_id: str
    topic: str
    partition: int
    offset: int
    attempt: int = 0
    via: str = ""
    job_id: str = ""
    outcome: str = ""
    text: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where the record is: `topic/partition@offset`."""
        return f"{self.topic}/{self.partition}@{self.offset}"


def rows_of(record: Record, topics: Topics, *, buried: Sequence[int] = ()) -> list[TraceRow]:
    """Return the rows of a record of the key; `buried` are its dead letters' offsets."""
    if record.topic == topics.results:
        return _outcome_rows(record)
    if record.topic == topics.dead_letters and (mark := mark_of(record.headers, record.value)):
        text = f"{mark.resolution.value} by {mark.who or '?'}" + (
            f": {mark.why}" if mark.why else ""
        )
        return [
            _row(record, TraceStep.RESOLVED, text=text, job_id=mark.job_id, more={"letter": offset})
            for offset in mark.offsets
            if offset in set(buried)
        ]
    envelope = record_envelope(record)
    step = _step(record.topic, envelope, topics)
    return [
        _row(
            record,
            step,
            event_id=envelope.event_id,
            attempt=envelope.attempt,
            via=envelope.via.value,
            job_id=envelope.job_id,
            text=_text(step, envelope, record.topic),
            more=_more(step, envelope),
        )
    ]


def _row(record: Record, step: TraceStep, *, event_id: str = "", **more: Any) -> TraceRow:
    return TraceRow(
        record.timestamp, step, event_id, record.topic, record.partition, record.offset, **more
    )


def _step(topic: str, envelope: Envelope, topics: Topics) -> TraceStep:
    if topic in topics.facts:
        return TraceStep.DELIVERED
    if topic == topics.dead_letters:
        return TraceStep.DEAD_LETTER
    if topic == topics.settle:
        return TraceStep.SETTLES
    if topic == topics.due:
        jobs = {Via.REPLAY: TraceStep.REPLAYED, Via.REQUEUE: TraceStep.REQUEUED}
        return jobs.get(envelope.via, TraceStep.DUE) if envelope.attempt == 0 else TraceStep.DUE
    return TraceStep.WAITS


def _text(step: TraceStep, envelope: Envelope, topic: str) -> str:
    match step:
        case TraceStep.DELIVERED:
            return envelope.event
        case TraceStep.WAITS | TraceStep.SETTLES:
            return f"in {topic}"
        case TraceStep.DEAD_LETTER:
            return error_text(_error(envelope))
        case _:
            return f"job {envelope.job_id}" if envelope.job_id else ""


def _more(step: TraceStep, envelope: Envelope) -> dict[str, Any]:
    more: dict[str, Any] = {
        "sender": envelope.sender,
        "signature_key": envelope.signature_key,
        "received_at_ms": envelope.received_at_ms,
        "bytes": len(envelope.value),
    }
    if step is not TraceStep.DELIVERED:
        more |= {
            "not_before_ms": envelope.not_before_ms,
            "mapping_version": envelope.mapping_version,
            **_error(envelope),
        }
    return {name: value for name, value in more.items() if value not in (None, "", [])}


def _error(envelope: Envelope) -> dict[str, Any]:
    error = envelope.error
    if error is None:
        return {}
    return {
        "error_kind": error.kind,
        "error_code": error.code,
        "error_message": error.message,
        "error_fields": list(error.fields),
    }


def _outcome_rows(record: Record) -> list[TraceRow]:
    try:
        read = read_result(record.value)
    except ValueError:
        return [_row(record, TraceStep.OUTCOME, text="not a result record")]
    return [
        _row(
            record,
            TraceStep.OUTCOME,
            event_id=read.pop("event_id"),
            attempt=read.pop("attempt", 0),
            via=read.pop("via", Via.LIVE.value),
            job_id=read.pop("job_id", ""),
            outcome=read.pop("outcome"),
            text=outcome_text(read),
            more=read,
        )
    ]


def outcome_text(read: dict[str, Any]) -> str:
    """Return what a result says besides its outcome, as one line."""
    ids = read.get("salesforce_ids", {})
    created = set(read.get("created", ()))
    parts = [
        read.get("reason", ""),
        error_text(read),
        f"→ {read['retry_topic']}" if read.get("retry_topic") else "",
        *(f"{name} {value}{' (new)' if name in created else ''}" for name, value in ids.items()),
        *read.get("notes", ()),
    ]
    return "; ".join(part for part in parts if part)


def error_text(read: dict[str, Any]) -> str:
    """Return `CODE [fields]: message`, or nothing when there was no error."""
    code = read.get("error_code") or read.get("error_kind")
    if not code:
        return ""
    fields = ", ".join(read.get("error_fields", ()))
    return f"{code}{f' [{fields}]' if fields else ''}: {read.get('error_message', '')}"
