"""What a worker logs and traces of its work: per batch, and per event that failed or has a trace.

A batch works on events of many traces, so its span is the child of none: links go both ways.

Messages of Salesforce are masked before they come here (`agents.handling.outcome.failed`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import structlog

from agents.handling.outcome import Decision
from schemas.event import Envelope
from schemas.result import Outcome
from stream.ops import tracing

log = structlog.get_logger()

FAILED = frozenset({Outcome.RETRY, Outcome.DEAD})
MESSAGE_CHARACTERS = 300


def log_successes(decisions: Sequence[Decision]) -> None:
    """Log what was written, with its record ids: one line per event."""
    for decision in decisions:
        if decision.result.outcome is Outcome.SYNCED:
            log.info("record_synced", **success_fields(decision))


def log_batch(
    envelopes: Sequence[Envelope], decisions: Sequence[Decision], *, seconds: float
) -> None:
    """Log a finished batch; `seconds` is the time from its first event to its last ack."""
    for decision in decisions:
        if decision.result.outcome in FAILED:
            log.warning("record_failed", **failure_fields(decision))
    results = [decision.result for decision in decisions]
    log.info(
        "batch",
        events=len(envelopes),
        seconds=round(seconds, 3),
        orders=len({envelope.key for envelope in envelopes}),
        offsets=_offsets(envelopes),
        oldest_seconds=round(max((r.latency_ms for r in results), default=0) / 1000, 3),
        attempts_before=sum(envelope.attempt > 0 for envelope in envelopes),
        **Counter(result.outcome.value for result in results),
    )


def success_fields(decision: Decision) -> dict[str, Any]:
    """Return the fields of the line of a written event."""
    result = decision.result
    return {
        "event_id": result.event_id,
        "key": result.key,
        "kind": result.kind,
        "salesforce_ids": result.salesforce_ids,
        "created": result.created,
        "latency_ms": result.latency_ms,
    }


def failure_fields(decision: Decision) -> dict[str, Any]:
    """Return the fields of the line of a failed event; empty ones are left out."""
    result = decision.result
    fields = {
        "event_id": result.event_id,
        "key": result.key,
        "kind": result.kind,
        "outcome": result.outcome.value,
        "error_kind": result.error_kind,
        "code": result.error_code,
        "fields": result.error_fields,
        "message": result.error_message[:MESSAGE_CHARACTERS],
        "attempt": result.attempt,
        "tier": result.retry_topic or (decision.republish.topic if decision.republish else ""),
        "not_before_ms": result.not_before_ms,
        "origin": f"{result.origin_topic}/{result.origin_partition}@{result.origin_offset}",
        "via": result.via,
        "job_id": result.job_id,
        "mapping_version": result.mapping_version,
    }
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _offsets(envelopes: Sequence[Envelope]) -> dict[str, list[int]]:
    """Return {partition: [first, last offset]} of where the events came from at first."""
    spans: dict[str, list[int]] = {}
    for origin in (envelope.origin for envelope in envelopes if envelope.origin):
        span = spans.setdefault(f"{origin.topic}/{origin.partition}", [origin.offset] * 2)
        span[:] = [min(span[0], origin.offset), max(span[1], origin.offset)]
    return spans


def batch_span(envelopes: Sequence[Envelope]) -> AbstractContextManager[Any]:
    """Return the span of a batch; Salesforce calls made in it are its children."""
    if not tracing.is_on():
        return tracing.span("batch")
    links = [envelope.traceparent for envelope in envelopes if envelope.traceparent]
    return tracing.span(
        "batch", links=links, kind="CONSUMER", attributes={"events": len(envelopes)}
    )


def trace_events(decisions: Sequence[Decision]) -> None:
    """Add to the trace of each event what became of it, linked to the current batch."""
    batch = tracing.current_traceparent()
    for decision in decisions:
        parent, result = decision.envelope.traceparent, decision.result
        if parent:
            with tracing.span(
                f"event {result.outcome.value}",
                parent=parent,
                links=[batch],
                attributes={
                    "orderstream.event_id": result.event_id,
                    "orderstream.outcome": result.outcome.value,
                    "orderstream.error_code": result.error_code,
                    "orderstream.attempt": result.attempt,
                    "orderstream.latency_ms": result.latency_ms,
                },
            ):
                pass
