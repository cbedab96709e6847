"""From a verified event to an acknowledged record: the part of the ingress that is a promise.

What this returns, the broker has. Everything else is a Refused: too many publishes in flight, no
ack within the deadline, a record the topic does not take.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from schemas.codec import Place
from schemas.event import Kind, derived_event_id, new_event_id
from schemas.headers import identity_headers
from stream.errors import PublishError
from stream.ingress.body import InFlightLimits
from stream.ingress.readiness import Readiness
from stream.ingress.responses import Reason, Rejection
from stream.kafka.publisher import Ack, Publisher, Record
from stream.ops import metrics, tracing
from stream.signatures.hmac_sha256 import Verified
from stream.topics import Topics


class PublishStep:
    """Publishes verified events, a bounded number at a time."""

    def __init__(
        self,
        publisher: Publisher,
        readiness: Readiness,
        allowance: InFlightLimits,
        *,
        topics: Topics,
        publish_timeout_seconds: float,
        now: Callable[[], float],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Make one; `now` is the loop's clock in seconds."""
        self._publisher = publisher
        self._readiness = readiness
        self._allowance = allowance
        self._topic_of = {kind: topics.source_of(kind) for kind in Kind}
        self._publish_timeout_seconds = publish_timeout_seconds
        self._now = now
        self._now_ms = now_ms

    async def accept(
        self,
        place: Place,
        raw: bytes,
        verified: Verified,
        *,
        deadline: float,
        sender_id: str = "",
        parent: str = "",
    ) -> tuple[str, Ack]:
        """Return the new event id and where the event is, after the broker's ack.

        The end of the event id is made from `sender_id`, the sender's own id of the event, if any.
        `parent` is the sender's traceparent, if it traces.
        `deadline` is on the loop's clock. Raises Refused: FULL, BROKER_AWAY, RECORD_TOO_LARGE.
        """
        event_id, record = self.record_of(place, raw, verified, sender_id)
        if tracing.is_on():
            ack = await self._publish_traced(record, deadline, event_id, parent)
        else:
            ack = await self._publish(record, deadline)
        metrics.INGRESS_BODY_BYTES.inc(len(raw))
        return event_id, ack

    def record_of(
        self, place: Place, raw: bytes, verified: Verified, sender_id: str = ""
    ) -> tuple[str, Record]:
        """Return the new event id and the record: raw bytes, and everything else in headers."""
        assert place.kind is not None
        now_ms = self._now_ms()
        event_id = derived_event_id(now_ms, sender_id) if sender_id else new_event_id(now_ms)
        headers = identity_headers(
            event_id=event_id,
            event=place.event,
            kind=place.kind,
            received_at_ms=now_ms,
            sender=verified.sender,
            signature_key=verified.key_id,
        )
        topic = self._topic_of[place.kind]
        return event_id, Record(topic, place.key.encode(), raw, headers)

    async def _publish_traced(
        self, record: Record, deadline: float, event_id: str, parent: str
    ) -> Ack:
        facts = {"messaging.destination.name": record.topic, "orderstream.event_id": event_id}
        with tracing.span("accept", parent=parent, kind="PRODUCER", attributes=facts):
            header = (tracing.HEADER, tracing.current_traceparent().encode())
            return await self._publish(replace(record, headers=(*record.headers, header)), deadline)

    async def _publish(self, record: Record, deadline: float) -> Ack:
        started = self._now()
        timeout_seconds = max(0.0, min(self._publish_timeout_seconds, deadline - started))
        self._allowance.take_publish()
        try:
            ack = await self._publisher.publish(record, timeout_seconds=timeout_seconds)
        except PublishError as error:
            raise refusal_of_publish(error, self._readiness, self._now()) from None
        finally:
            self._allowance.publishes -= 1
        ended = self._now()
        self._readiness.acked(ended)
        metrics.INGRESS_PUBLISH_SECONDS.observe(ended - started)
        return ack


def refusal_of_publish(error: PublishError, readiness: Readiness, now: float) -> Rejection:
    """Return how a publish that failed is answered, and note it when Kafka is the reason."""
    if error.is_too_large:
        return Rejection(Reason.RECORD_TOO_LARGE, "Kafka refuses a record this long")
    readiness.failed(now)
    return Rejection(Reason.BROKER_AWAY, "Kafka did not acknowledge the event")
