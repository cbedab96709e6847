"""The front door: a signed webhook in, a durable event in Kafka, a receipt out.

    bytes → signature → decode (which order?) → publish, wait for the ack → 200

A 2xx means that the broker has the event by its own acks rule (design.md, invariant 1). Nothing is
mapped here and nothing is known of Salesforce, so that orders are accepted while everything behind
is away. Built on aiohttp's low-level server: there are five routes, and the router, middlewares and
access log of an application cost more than all of our own work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from aiohttp import hdrs, web

from schemas.codec import DecodeError, Document, decode
from schemas.event import Envelope, new_event_id
from schemas.headers import headers_of
from stream import metrics
from stream.errors import PublishError, SignatureError
from stream.ingress_answers import (
    RULES,
    SERVER_HEADER,
    Reason,
    Refused,
    json_answer,
    log_bug,
    refusal_of,
)
from stream.ingress_body import Allowance, Body
from stream.ingress_connection import Connection
from stream.ingress_request import EVENT_NAME, WEBHOOK_PATH, check_headers, event_in_path
from stream.publisher import Ack, Publisher, Record
from stream.readiness import Readiness
from stream.signature import Verified, Verifier
from stream.topics import Topics

# Distinct names in `orderstream_ingress_ignored_total`: a label must not grow without bound.
MAX_IGNORED_LABELS = 50

JSON = "application/json"


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
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._publisher = publisher
        self._verifier = verifier
        self._readiness = readiness
        self._topics = topics
        self._limits = limits
        self._instance = instance
        self._now_ms = now_ms
        self._allowance = Allowance(limits.max_held_bytes, limits.max_in_flight)
        self._ignored_labels: set[str] = set()
        self._accepted = metrics.INGRESS_REQUESTS.labels("200", Reason.ACCEPTED.value)
        self._pages: dict[str, Callable[[], Awaitable[web.Response]]] = {
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }

    @property
    def publishes_in_flight(self) -> int:
        """Events on their way to Kafka whose senders wait for an answer."""
        return self._allowance.publishes

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. The last `except` turns a bug into a 503, so nothing gets lost."""
        connection = request.protocol
        assert isinstance(connection, Connection)
        deadline = connection.begin() + self._limits.request_timeout_seconds
        body = Body(self._allowance, max_bytes=self._limits.max_body_bytes)
        try:
            response = await self._answer(request, connection, body, deadline)
        except Refused as refused:
            response = _refuse(refused.reason, refused.error)
        except Exception as error:  # noqa: BLE001 - never a 500: the sender must try again
            log_bug(error)
            response = _refuse(Reason.BUG, "the request was not handled")
        finally:
            body.release()
            connection.rest()
        if self._readiness.is_draining:
            response.force_close()
        return response

    async def _answer(
        self, request: web.BaseRequest, connection: Connection, body: Body, deadline: float
    ) -> web.Response:
        path = request.rel_url.raw_path
        if not path.startswith(WEBHOOK_PATH):
            return await self._page(request.method, path)
        event = event_in_path(path)
        if request.method != hdrs.METH_POST:
            raise Refused(Reason.METHOD, f"{WEBHOOK_PATH} takes POST")
        check_headers(request.headers, request.content_length, self._limits.max_body_bytes)
        if not request.content.is_eof():  # refuse what no body can cure before it is sent
            await self._before_body(request)
        raw = await body.read(request, deadline=deadline)
        verified = self._verified(request, raw)
        try:
            document = decode(raw, event=event, instance=self._instance)
        except DecodeError as error:
            raise Refused(Reason.UNDECODABLE, str(error)) from None
        if document.is_ignored:
            return self._ignore(document)
        connection.is_publishing = True
        return await self._accept(document, raw, verified, deadline)

    async def _before_body(self, request: web.BaseRequest) -> None:
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

    async def _accept(
        self, document: Document, raw: bytes, verified: Verified, deadline: float
    ) -> web.Response:
        now_ms = self._now_ms()
        event_id = new_event_id(now_ms)
        record = record_of(
            document,
            raw,
            verified,
            event_id=event_id,
            received_at_ms=now_ms,
            topics=self._topics,
        )
        ack = await self._publish(record, deadline)
        self._accepted.inc()
        metrics.INGRESS_BODY_BYTES.inc(len(raw))
        return web.Response(
            body=receipt(event_id, ack), headers={"Server": SERVER_HEADER}, content_type=JSON
        )

    async def _publish(self, record: Record, deadline: float) -> Ack:
        loop = asyncio.get_running_loop()
        started = loop.time()
        timeout_seconds = min(self._limits.publish_timeout_seconds, deadline - started)
        self._allowance.take_publish()
        metrics.INGRESS_IN_FLIGHT.inc()
        try:
            ack = await self._publisher.publish(record, timeout_seconds=max(timeout_seconds, 0.0))
        except PublishError as error:
            if error.is_too_large:
                raise Refused(Reason.RECORD_TOO_LARGE, "Kafka refuses a record this long") from None
            self._readiness.failed(loop.time())
            raise Refused(Reason.BROKER_AWAY, "Kafka did not acknowledge in time") from None
        finally:
            self._allowance.publishes -= 1
            metrics.INGRESS_IN_FLIGHT.dec()
        ended = loop.time()
        self._readiness.acked(ended)
        metrics.INGRESS_PUBLISH_SECONDS.observe(ended - started)
        return ack

    def _ignore(self, document: Document) -> web.Response:
        name = document.event
        if name not in self._ignored_labels:
            if len(self._ignored_labels) >= MAX_IGNORED_LABELS or not EVENT_NAME.fullmatch(name):
                name = "other"
            else:
                self._ignored_labels.add(name)
        metrics.INGRESS_IGNORED.labels(name).inc()
        _count(Reason.IGNORED)
        return json_answer(orjson.dumps({"ignored": True, "event": document.event}))

    async def _page(self, method: str, path: str) -> web.Response:
        page = self._pages.get(path)
        if page is None:
            raise Refused(Reason.NOT_FOUND, "there is nothing at this address")
        if method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            raise Refused(Reason.METHOD, f"{path} takes GET")
        return await page()

    async def _livez(self) -> web.Response:
        return json_answer(b'{"alive":true}')

    async def _readyz(self) -> web.Response:
        problem = await self._readiness.problem()
        if problem is None:
            return json_answer(b'{"ready":true}')
        return json_answer(orjson.dumps({"ready": False, "why": problem}), status=503)

    async def _metrics(self) -> web.Response:
        body, content_type = metrics.exposition()
        headers = {"Server": SERVER_HEADER, hdrs.CONTENT_TYPE: content_type}
        return web.Response(body=body, headers=headers)


def record_of(
    document: Document,
    raw: bytes,
    verified: Verified,
    *,
    event_id: str,
    received_at_ms: int,
    topics: Topics,
) -> Record:
    """Return the record of a verified event: the raw bytes, everything else in headers."""
    assert document.kind is not None
    envelope = Envelope(
        event_id=event_id,
        event=document.event,
        kind=document.kind,
        key=document.key,
        received_at_ms=received_at_ms,
        value=raw,
        sender=verified.sender,
        signature_key=verified.key_id,
    )
    return Record(
        topic=topics.source_of(document.kind),
        key=document.key.encode(),
        value=raw,
        headers=headers_of(envelope),
    )


def receipt(event_id: str, ack: Ack) -> bytes:
    """Return where the event is, as JSON: what a sender logs, and what `trace` takes."""
    return orjson.dumps(
        {
            "event_id": event_id,
            "topic": ack.topic,
            "partition": ack.partition,
            "offset": ack.offset,
        }
    )


def _refuse(reason: Reason, error: str) -> web.Response:
    _count(reason)
    return refusal_of(reason, error)


def _count(reason: Reason) -> None:
    metrics.INGRESS_REQUESTS.labels(str(RULES[reason].status), reason.value).inc()
