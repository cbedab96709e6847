"""The front door: a signed webhook in, a durable event in Kafka, a receipt out.

    bytes → signature → decode (which order?) → publish, wait for the ack → 200

A 2xx means that the broker has the event by its own acks rule (design.md, invariant 1). Nothing is
mapped here and nothing is known of Salesforce, so that orders are accepted while everything behind
is away. Built on aiohttp's low-level server: there are five routes, and the router, middlewares and
access log of an application cost more than all of our own work.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import orjson
from aiohttp import hdrs, web

from schemas.codec import DecodeError, Document, decode
from stream import metrics
from stream.errors import SignatureError
from stream.ingress_acceptance import Acceptance
from stream.ingress_answers import RULES, Reason, Refused, json_answer, log_bug, refusal_of
from stream.ingress_body import Allowance, Body
from stream.ingress_connection import Connection
from stream.ingress_pages import Pages
from stream.ingress_receipt import receipt_answer
from stream.ingress_request import EVENT_NAME, WEBHOOK_PATH, check_headers, event_in_path
from stream.publisher import Publisher
from stream.readiness import Readiness
from stream.signature import Verified, Verifier
from stream.topics import Topics

# Distinct names in `orderstream_ingress_ignored_total`: a label must not grow without bound.
MAX_IGNORED_LABELS = 50


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one process; the settings of the same names explain them."""

    max_body_bytes: int
    request_timeout_seconds: float
    publish_timeout_seconds: float
    max_in_flight: int
    max_held_bytes: int


class Ingress:
    """Answers every request; `handle` raises nothing but cancellation, whatever comes in."""

    def __init__(
        self,
        *,
        publisher: Publisher,
        verifier: Verifier,
        readiness: Readiness,
        topics: Topics,
        limits: Limits,
        instance: str = "",
    ) -> None:
        """Make one on the running loop; `instance` prefixes order keys (`schemas.codec.decode`)."""
        self._verifier = verifier
        self._readiness = readiness
        self._limits = limits
        self._instance = instance
        self._allowance = Allowance(limits.max_held_bytes, limits.max_in_flight)
        self._acceptance = Acceptance(
            publisher,
            readiness,
            self._allowance,
            topics=topics,
            publish_timeout_seconds=limits.publish_timeout_seconds,
            now=asyncio.get_running_loop().time,
        )
        self._pages = Pages(readiness)
        self._ignored_labels: set[str] = set()
        self._accepted = metrics.INGRESS_REQUESTS.labels("200", Reason.ACCEPTED.value)

    def report(self) -> None:
        """Set the gauges; called now and then, because per event they would cost too much."""
        metrics.INGRESS_IN_FLIGHT.set(self._allowance.publishes)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. The last `except` turns a bug into a 503, so nothing gets lost."""
        connection = request.protocol
        assert isinstance(connection, Connection)
        deadline = connection.begin() + self._limits.request_timeout_seconds
        body = Body(self._allowance, max_bytes=self._limits.max_body_bytes)
        response: web.StreamResponse
        try:
            response = await self._answer(request, connection, body, deadline)
        except Refused as refused:
            response = self._refuse(refused.reason, refused.error)
        except Exception as error:  # noqa: BLE001 - never a 500: the sender must try again
            log_bug(error)
            response = self._refuse(Reason.BUG, "the request was not handled")
        finally:
            body.release()
            connection.rest()
        if self._readiness.is_draining:
            response.force_close()
        return response

    async def _answer(
        self, request: web.BaseRequest, connection: Connection, body: Body, deadline: float
    ) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if not path.startswith(WEBHOOK_PATH):
            return await self._pages.answer(request.method, path)
        event = event_in_path(path)
        if request.method != hdrs.METH_POST:
            raise Refused(Reason.METHOD, f"{WEBHOOK_PATH} takes POST")
        check_headers(request.headers, request.content_length, self._limits.max_body_bytes)
        if not request.content.is_eof():
            await self._before_body(request)
        raw = await body.read(request, deadline=deadline)
        verified = self._verified(request, raw)
        document = self._decoded(raw, event)
        if document.is_ignored:
            return self._ignore(document)
        connection.is_publishing = True
        event_id, ack = await self._acceptance.accept(document, raw, verified, deadline=deadline)
        self._accepted.inc()
        return receipt_answer(request, connection, event_id, ack)

    async def _before_body(self, request: web.BaseRequest) -> None:
        """Refuse what no body could make right, else let a sender that asks first go on."""
        try:
            self._verifier.precheck(request.headers)
        except SignatureError as error:
            raise Refused(Reason(error.reason), str(error)) from None
        expectation = request.headers.get(hdrs.EXPECT)
        if expectation is None:
            return
        if expectation.lower() != "100-continue":
            raise Refused(Reason.EXPECTATION, "this Expect header cannot be met")
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0

    def _verified(self, request: web.BaseRequest, raw: bytes) -> Verified:
        try:
            return self._verifier.verify(request.headers, raw)
        except SignatureError as error:
            raise Refused(Reason(error.reason), str(error)) from None

    def _decoded(self, raw: bytes, event: str) -> Document:
        try:
            return decode(raw, event=event, instance=self._instance)
        except DecodeError as error:
            raise Refused(Reason.UNDECODABLE, str(error)) from None

    def _ignore(self, document: Document) -> web.Response:
        name = document.event
        if name not in self._ignored_labels:
            if len(self._ignored_labels) >= MAX_IGNORED_LABELS or not EVENT_NAME.fullmatch(name):
                name = "other"
            else:
                self._ignored_labels.add(name)
        metrics.INGRESS_IGNORED.labels(name).inc()
        self._count(Reason.IGNORED)
        return json_answer(orjson.dumps({"ignored": True, "event": document.event}))

    def _refuse(self, reason: Reason, error: str) -> web.Response:
        self._count(reason)
        return refusal_of(reason, error)

    def _count(self, reason: Reason) -> None:
        metrics.INGRESS_REQUESTS.labels(str(RULES[reason].status), reason.value).inc()
