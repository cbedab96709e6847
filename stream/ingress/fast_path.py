"""The direct road: an ordinary webhook, from its bytes to its receipt, without a task of its own.

A handler costs a task, a request object and four turns of the loop, more than everything that is
done with the order. Nearly all webhooks need none of it: they come whole, signed and well-formed,
and wait for one thing, the broker's ack. Those are taken here. Whatever is not ordinary (a slow
body, a wrong signature, a full process, Kafka away, a process that drains) is left to the handler,
which finds the same again and answers it; so every refusal has one home.
"""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp.http_parser import RawRequestMessage

from stream.errors import PublishError
from stream.ingress.body import InFlightLimits
from stream.ingress.connection import Connection
from stream.ingress.publish import PublishStep, refusal_of_publish
from stream.ingress.readiness import Readiness
from stream.ingress.receipt import receipt_bytes
from stream.ingress.request import WEBHOOK_PATH, check_headers, event_in_path
from stream.ingress.responses import Reason, Rejection, raw_refusal
from stream.ingress.webhook_steps import WebhookSteps, count
from stream.kafka.batch_publish import Answer
from stream.kafka.group_commit import PendingRecord
from stream.kafka.publisher import Publisher
from stream.ops import metrics, tracing
from stream.signatures.hmac_sha256 import Verifier

NO_ACK = PublishError("no ack from Kafka in time")


class FastPathRequest:
    """A webhook whose record is on its way. Times are seconds on the loop's clock."""

    __slots__ = ("connection", "deadline", "event_id", "offer", "road", "size_bytes", "started")

    def __init__(
        self,
        road: FastPath,
        connection: Connection,
        *,
        event_id: str,
        size_bytes: int,
        started: float,
        deadline: float,
    ) -> None:
        self.road = road
        self.connection: Connection | None = connection
        self.event_id = event_id
        self.size_bytes = size_bytes
        self.started = started
        self.deadline = deadline
        self.offer: PendingRecord | None = None

    def answered(self, answer: Answer) -> None:
        """Answer the sender, unless it has been told already that there was no ack in time."""
        if self.connection is not None:
            self.road.answer(self, self.connection, answer)


class FastPath:
    """Takes the webhooks that can be taken at once; `take` says whether it did."""

    def __init__(
        self,
        desk: WebhookSteps,
        acceptance: PublishStep,
        verifier: Verifier,
        *,
        publisher: Publisher,
        readiness: Readiness,
        allowance: InFlightLimits,
        request_timeout_seconds: float,
        publish_timeout_seconds: float,
        max_body_bytes: int,
    ) -> None:
        """Make one on the running loop."""
        self._desk = desk
        self._acceptance = acceptance
        self._verifier = verifier
        self._publisher = publisher
        self._readiness = readiness
        self._allowance = allowance
        self._request_timeout_seconds = request_timeout_seconds
        self._publish_timeout_seconds = publish_timeout_seconds
        self._max_body_bytes = max_body_bytes
        self._loop = asyncio.get_running_loop()
        self._visits: deque[FastPathRequest] = deque()  # the first to come is the first to expire
        self._timer: asyncio.TimerHandle | None = None
        self._accepted = metrics.INGRESS_REQUESTS.labels("200", Reason.ACCEPTED.value)

    def take(self, connection: Connection, message: RawRequestMessage, raw: bytes) -> bool:
        """Return whether the request is on its way; its answer comes through the connection."""
        now = self._loop.time()
        if not self._is_ordinary(connection, message.path, len(raw), now):
            return False
        desk = self._desk
        try:
            event = event_in_path(message.path)
            check_headers(message.headers, len(raw), self._max_body_bytes)
            verified = desk.verified(self._verifier, message.headers, raw)
            place = desk.placed(raw, event)
        except Rejection:
            return False
        if not desk.takes(place) or place.is_unexpected:
            return False
        event_id, record = self._acceptance.record_of(place, raw, verified)
        deadline = now + self._publish_timeout_seconds
        visit = FastPathRequest(
            self,
            connection,
            event_id=event_id,
            size_bytes=len(raw),
            started=now,
            deadline=deadline,
        )
        offer = self._publisher.offer(record, visit.answered)
        if offer is None:
            return False
        visit.offer = offer
        self._allowance.take_publish()
        self._allowance.take_bytes(len(raw))
        self._visits.append(visit)
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._expire)
        return True

    def _is_ordinary(self, connection: Connection, path: str, size: int, now: float) -> bool:
        return (
            path.startswith(WEBHOOK_PATH)
            and self._allowance.has_room(size)
            # Or else the request's own deadline comes first.
            and connection.since + self._request_timeout_seconds
            >= now + self._publish_timeout_seconds
            and not self._readiness.is_draining
            and not tracing.is_on()
        )

    def answer(self, visit: FastPathRequest, connection: Connection, answer: Answer) -> None:
        """Send the receipt, or the refusal; called once for a visit."""
        visit.connection = visit.offer = None
        visits = self._visits
        while visits and visits[0].connection is None:
            visits.popleft()
        self._allowance.publishes -= 1
        self._allowance.held_bytes -= visit.size_bytes
        now = self._loop.time()
        closes = self._readiness.is_draining
        if isinstance(answer, PublishError):
            refused = refusal_of_publish(answer, self._readiness, now)
            count(refused.reason)
            connection.answer(raw_refusal(refused.reason, refused.error, closes=closes), closes)
            return
        self._readiness.acked(now)
        metrics.INGRESS_PUBLISH_SECONDS.observe(now - visit.started)
        metrics.INGRESS_BODY_BYTES.inc(visit.size_bytes)
        self._accepted.inc()
        connection.answer(receipt_bytes(visit.event_id, answer, closes=closes), closes)

    def _expire(self) -> None:
        """Tell those whose time is up; their records leave the line, or may still arrive."""
        self._timer = None
        now = self._loop.time()
        while self._visits and self._visits[0].deadline <= now:
            visit = self._visits.popleft()
            if visit.offer is not None:
                visit.offer.withdraw()
            visit.answered(NO_ACK)
        if self._visits:
            self._timer = self._loop.call_at(self._visits[0].deadline, self._expire)
