"""The front door: a signed webhook in, a durable event in Kafka, a receipt out.

    bytes → signature → decode (which order?) → publish, wait for the ack → 200

A 2xx means that the broker has the event by its own acks rule (docs/architecture.md, invariant 1).
Nothing is mapped here and nothing is known of Salesforce, so that orders are accepted while
everything behind is away. Built on aiohttp's low-level server: there are five routes, and the
router, middlewares and access log of an application cost more than all of our own work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
from aiohttp import hdrs, web

from schemas.event import Kind
from schemas.identity import PLAIN, Identity
from stream.ingress.body import Body, InFlightLimits
from stream.ingress.connection import Connection
from stream.ingress.fast_path import FastPath
from stream.ingress.publish import PublishStep
from stream.ingress.readiness import Readiness
from stream.ingress.receipt import receipt_answer
from stream.ingress.request import WEBHOOK_PATH, event_in_path
from stream.ingress.responses import Reason, Rejection, json_answer, log_bug, refusal_of
from stream.ingress.webhook_steps import (
    RequestContext,
    SenderEndpoint,
    WebhookSteps,
    count,
    start_counts_at_zero,
)
from stream.kafka.publisher import Publisher
from stream.ops import metrics
from stream.signatures.hmac_sha256 import Verifier
from stream.topics import Topics

# The figures cost milliseconds: whoever asks more often than this gets the same page again, so that
# a flood of such questions does not slow down the webhooks.
METRICS_SECONDS = 0.5


class Pages:
    """GET /livez, /readyz and /metrics."""

    def __init__(self, readiness: Readiness, *, now: Callable[[], float] = time.monotonic) -> None:
        self._readiness = readiness
        self._now = now
        self._figures = (float("-inf"), b"", "")
        self._pages = {
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }

    async def answer(self, method: str, path: str) -> web.Response:
        """Return the page at a path; raises Refused NOT_FOUND or METHOD."""
        page = self._pages.get(path)
        if page is None:
            raise Rejection(Reason.NOT_FOUND, "there is nothing at this address")
        if method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            raise Rejection(Reason.METHOD, f"{path} takes GET")
        return await page()

    async def _livez(self) -> web.Response:
        return json_answer(b'{"status":"ok"}')

    async def _readyz(self) -> web.Response:
        problem = await self._readiness.problem()
        if problem is None:
            return json_answer(b'{"status":"ok"}')
        body = orjson.dumps({"status": "not ready", "reason": problem})
        return json_answer(body, status=503)

    async def _metrics(self) -> web.Response:
        now = self._now()
        if now - self._figures[0] >= METRICS_SECONDS:
            self._figures = (now, *metrics.exposition())
        _, body, content_type = self._figures
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})


@dataclass(frozen=True, slots=True)
class IngressLimits:
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
        verifier: Verifier | None,
        readiness: Readiness,
        topics: Topics,
        limits: IngressLimits,
        identity: Identity = PLAIN,
        taken: frozenset[Kind] = frozenset((Kind.ORDER, Kind.CUSTOMER)),
        doors: Sequence[Callable[[WebhookSteps], SenderEndpoint]] = (),
    ) -> None:
        """Make one on the running loop.

        `verifier` is None when no sender uses the webhook's own address, `doors` make those of the
        others. `instance` prefixes order keys (`schemas.codec.decode`).
        """
        self._verifier = verifier
        self._readiness = readiness
        self._limits = limits
        self._allowance = InFlightLimits(limits.max_held_bytes, limits.max_in_flight)
        acceptance = PublishStep(
            publisher,
            readiness,
            self._allowance,
            topics=topics,
            publish_timeout_seconds=limits.publish_timeout_seconds,
            now=asyncio.get_running_loop().time,
        )
        self._desk = WebhookSteps(
            acceptance,
            max_body_bytes=limits.max_body_bytes,
            identity=identity,
            taken=taken,
        )
        self.direct = (
            None
            if verifier is None
            else FastPath(
                self._desk,
                acceptance,
                verifier,
                publisher=publisher,
                readiness=readiness,
                allowance=self._allowance,
                request_timeout_seconds=limits.request_timeout_seconds,
                publish_timeout_seconds=limits.publish_timeout_seconds,
                max_body_bytes=limits.max_body_bytes,
            )
        )
        self._doors = tuple(make(self._desk) for make in doors)
        self._pages = Pages(readiness)
        start_counts_at_zero()
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
            response = await self._answer(RequestContext(request, connection, body, deadline))
        except Rejection as refused:
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

    async def _answer(self, visit: RequestContext) -> web.StreamResponse:
        request = visit.request
        path = request.rel_url.raw_path
        if path.startswith(WEBHOOK_PATH) and self._verifier is not None:
            return await self._webhook(visit, self._verifier, event_in_path(path))
        for door in self._doors:
            if path.startswith(door.path):
                return await door.answer(visit)
        return await self._pages.answer(request.method, path)

    async def _webhook(
        self, visit: RequestContext, verifier: Verifier, event: str
    ) -> web.StreamResponse:
        request, desk = visit.request, self._desk
        if request.method != hdrs.METH_POST:
            raise Rejection(Reason.METHOD, f"{WEBHOOK_PATH} takes POST")
        raw = await desk.read(visit, verifier)
        verified = desk.verified(verifier, request.headers, raw)
        place = desk.placed(raw, event)
        if not desk.takes(place):
            desk.ignore(place)
            count(Reason.IGNORED)
            return json_answer(orjson.dumps({"ignored": True, "event": place.event}))
        event_id, ack = await desk.accept(visit, place, raw, verified)
        self._accepted.inc()
        return receipt_answer(request, visit.connection, event_id, ack)

    def _refuse(self, reason: Reason, error: str) -> web.Response:
        count(reason)
        return refusal_of(reason, error)
