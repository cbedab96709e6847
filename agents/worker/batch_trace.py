"""The spans of a worker: one per batch, linked to what it took in, and one per event in its trace.

A batch works on events of many traces, so it can be the child of none: links go both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from agents.handling.outcome import Decision
from schemas.event import Envelope
from stream.ops import tracing


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
