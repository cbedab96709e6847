"""What is done with a request whoever sent it: read it, place it, publish it, or say it is ignored.

A door knows its sender's address, signature and answer; everything else of it is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiohttp import hdrs, web
from prometheus_client import Gauge

from schemas.codec import DecodeError, Place, placed
from schemas.event import Kind
from schemas.event_names import Ignored
from schemas.identity import Identity
from stream.errors import SignatureError
from stream.ingress.body import Body
from stream.ingress.connection import Connection
from stream.ingress.publish import PublishStep
from stream.ingress.request import EVENT_NAME, check_headers
from stream.ingress.responses import RULES, Reason, Rejection
from stream.kafka.publisher import Ack
from stream.ops import metrics, tracing
from stream.signatures.hmac_sha256 import Verified, Verifier

log = structlog.get_logger()

# Distinct event names in the metrics: a label must not grow without bound.
MAX_LABELS = 50


@dataclass(slots=True)
class RequestContext:
    """One request on its way through. `deadline` is on the loop's clock."""

    request: web.BaseRequest
    connection: Connection
    body: Body
    deadline: float


class SenderEndpoint(Protocol):
    """The address of one sender beside the webhook's own."""

    path: str

    async def answer(self, visit: RequestContext) -> web.StreamResponse:
        """Answer a request to the address or below it; raises Refused."""
        ...


class WebhookSteps:
    """The steps from a request to its event in Kafka."""

    def __init__(
        self,
        acceptance: PublishStep,
        *,
        max_body_bytes: int,
        identity: Identity,
        taken: frozenset[Kind],
    ) -> None:
        """`instance` prefixes order keys; `taken` are the kinds of events that are published."""
        self._acceptance = acceptance
        self._max_body_bytes = max_body_bytes
        self._identity = identity
        self._taken = taken
        self._labels: set[str] = set()
        self._key_used: dict[tuple[str, str], Gauge] = {}
        self._said: set[str] = set()  # of the unexpected

    async def read(self, visit: RequestContext, verifier: Verifier | None) -> bytes:
        """Return the raw body; without a verifier its sender is not judged by the headers."""
        request = visit.request
        check_headers(request.headers, request.content_length, self._max_body_bytes)
        if not request.content.is_eof():
            if verifier is not None:
                self._precheck(verifier, request)
            await _go_on(request)
        return await visit.body.read(request, deadline=visit.deadline)

    def _precheck(self, verifier: Verifier, request: web.BaseRequest) -> None:
        """Refuse what no body could make right."""
        try:
            verifier.precheck(request.headers)
        except SignatureError as error:
            raise Rejection(Reason(error.reason), str(error)) from None

    def verified(self, verifier: Verifier, headers: Mapping[str, str], raw: bytes) -> Verified:
        try:
            verified = verifier.verify(headers, raw)
        except SignatureError as error:
            raise Rejection(Reason(error.reason), str(error)) from None
        used = self._key_used.get((verified.sender, verified.key_id))
        if used is None:  # prometheus' own look-up costs as much as the signature
            used = metrics.SIGNATURE_KEY_USED.labels(verified.sender, verified.key_id)
            self._key_used[verified.sender, verified.key_id] = used
        used.set_to_current_time()
        return verified

    def placed(self, raw: bytes, event: str) -> Place:
        try:
            return placed(raw, event=event, identity=self._identity)
        except DecodeError as error:
            raise Rejection(Reason.UNDECODABLE, str(error)) from None

    def takes(self, place: Place) -> bool:
        """Return whether an event is published, or else ignored."""
        return place.kind in self._taken

    async def accept(
        self,
        visit: RequestContext,
        place: Place,
        raw: bytes,
        verified: Verified,
        sender_id: str = "",
    ) -> tuple[str, Ack]:
        """Return the event id and where the event is, once the broker has it; raises Refused."""
        visit.connection.is_publishing = True
        if place.is_unexpected:
            self._note_unexpected(place)
        return await self._acceptance.accept(
            place,
            raw,
            verified,
            deadline=visit.deadline,
            sender_id=sender_id,
            parent=visit.request.headers.get(tracing.HEADER, "") if tracing.is_on() else "",
        )

    def ignore(self, place: Place) -> None:
        """Count an event that is not published, by name and reason."""
        reason = place.ignored or Ignored.SWITCHED_OFF
        metrics.INGRESS_IGNORED.labels(self._label(place.event), reason.value).inc()

    def _note_unexpected(self, place: Place) -> None:
        """Count an order or customer that was taken although nobody knows its event's name."""
        assert place.kind is not None
        name = self._label(place.event)
        if name not in self._said:  # `other` once for all
            self._said.add(name)
            log.warning("unknown_event_taken", event_name=name, kind=place.kind.value)
        metrics.INGRESS_UNEXPECTED.labels(name, place.kind.value).inc()

    def _label(self, name: str) -> str:
        """Return an event name as a label: one of a bounded number, or `other`."""
        if name not in self._labels:
            if len(self._labels) >= MAX_LABELS or not EVENT_NAME.fullmatch(name):
                return "other"
            self._labels.add(name)
        return name


def start_counts_at_zero() -> None:
    """Make every count be there before its first: for Prometheus one that appears has not risen."""
    for reason, rule in RULES.items():
        metrics.INGRESS_REQUESTS.labels(str(rule.status), reason.value)


def count(reason: Reason) -> None:
    metrics.INGRESS_REQUESTS.labels(str(RULES[reason].status), reason.value).inc()


async def _go_on(request: web.BaseRequest) -> None:
    """Let a sender that asks before it sends its body go on."""
    expectation = request.headers.get(hdrs.EXPECT)
    if expectation is None:
        return
    if expectation.lower() != "100-continue":
        raise Rejection(Reason.EXPECTATION, "this Expect header cannot be met")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0
