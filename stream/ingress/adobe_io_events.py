"""Adobe I/O Events: CloudEvents in ones or batches, signed with Adobe's own keys.

    GET  /adobe/events?challenge=<v>    {"challenge": "<v>"}: how Adobe asks whether we are here
    POST /adobe/events                  one event, or a list of them

| header | is |
|---|---|
| x-adobe-digital-signature-1, -2 | base64 of the RSA-SHA256 over the raw body; one must be right |
| x-adobe-public-key1-path, key2-path | where on Adobe's key host the keys are |

Everybody's events are signed with the same keys, so `recipientclientid` must be ours. Adobe repeats
429 and 5xx for 24 hours and drops every other 4xx for good: what is our fault is a 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from aiohttp import hdrs, web
from cachetools import FIFOCache
from multidict import CIMultiDictProxy

from schemas.codec import DecodeError, written
from stream.hosts import https_host, is_below
from stream.ingress.request import event_after
from stream.ingress.responses import RULES, Reason, Rejection, json_answer
from stream.ingress.webhook_steps import RequestContext, WebhookSteps, count
from stream.sender_names import Sender
from stream.signatures.adobe_public_keys import KEY_PATH, SERVER_ERROR, AdobeKeys, KeyAwayError
from stream.signatures.hmac_sha256 import Verified
from stream.signatures.rsa import decoded, is_signed

log = structlog.get_logger()

ADOBE_EVENTS_PATH = "/adobe/events"
SIGNATURES = (
    ("x-adobe-digital-signature-1", "x-adobe-public-key1-path"),
    ("x-adobe-digital-signature-2", "x-adobe-public-key2-path"),
)
# Adobe renames its fields; the old names go by the end of 2026.
RECIPIENT_FIELDS = ("recipientclientid", "recipient_client_id")
EVENT_ID_FIELDS = ("eventid", "event_id", "id")
VALIDATION_HOSTS = ("adobe.io", "adobe.com")
MAX_CHALLENGE_CHARACTERS = 200
MAX_VALIDATION_BYTES = 4_096
# Anybody can post a link; Adobe does it once per registration.
LINK_SECONDS = 60.0
# Repeated deliveries are recognised among this many events; past it the version guard still stands.
REMEMBERED_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event of a request: its own bytes or why it has none, and what Adobe calls it."""

    raw: bytes
    adobe_id: str
    error: str = ""


class AdobeEventsEndpoint:
    """The address of Adobe I/O Events."""

    path = ADOBE_EVENTS_PATH

    def __init__(self, desk: WebhookSteps, keys: AdobeKeys, *, client_id: str) -> None:
        """`client_id`: of our project in Adobe's console, which its events are for."""
        self._desk = desk
        self._keys = keys
        self._client_id = client_id
        self._link_at = float("-inf")
        self._receipts: FIFOCache[str, dict[str, Any]] = FIFOCache(REMEMBERED_EVENTS)

    async def answer(self, visit: RequestContext) -> web.StreamResponse:
        """Answer Adobe's question, or publish all events of a request; raises Refused."""
        request = visit.request
        if event_after(ADOBE_EVENTS_PATH, request.rel_url.raw_path):
            raise Rejection(Reason.NOT_FOUND, f"events are posted to {ADOBE_EVENTS_PATH}")
        if request.method == hdrs.METH_GET:
            return _challenge_answer(request)
        if request.method != hdrs.METH_POST:
            raise Rejection(
                Reason.METHOD, f"{ADOBE_EVENTS_PATH} takes POST, and GET with ?challenge"
            )
        if not any(name in request.headers for name, _ in SIGNATURES):
            return await self._validation_answer(visit)
        raw = await self._desk.read(visit, None)
        if self._client_id.encode() not in raw:  # before any key is fetched
            raise Rejection(Reason.RECIPIENT_WRONG, "recipientclientid is not our client ID")
        # Verified bytes only are parsed: five megabytes of `[{},{},…]` cost twenty signatures.
        verified = await self._verified(request.headers, raw)
        deliveries = self._deliveries(raw)
        answers = await self._publish(visit, deliveries, verified)
        is_taken = any("event_id" in answer for answer in answers)
        count(Reason.ACCEPTED if is_taken else Reason.IGNORED)
        return json_answer(orjson.dumps({"events": answers}))

    def _deliveries(self, raw: bytes) -> list[Delivery]:
        """Return the events of a body; raises Refused unless all of them are for us."""
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise Rejection(Reason.UNDECODABLE, f"the body is not JSON: {error}") from None
        events = body if isinstance(body, list) else [body]
        if not events or not all(isinstance(event, dict) for event in events):
            raise Rejection(Reason.UNDECODABLE, "the body is neither an event nor a list of events")
        if any(_first(event, RECIPIENT_FIELDS) != self._client_id for event in events):
            raise Rejection(Reason.RECIPIENT_WRONG, "recipientclientid is not our client ID")
        if not isinstance(body, list):
            return [Delivery(raw, _first(body, EVENT_ID_FIELDS))]
        return [_delivery(event) for event in events]

    async def _verified(self, headers: CIMultiDictProxy[str], raw: bytes) -> Verified:
        """Return which key signed the body; raises Refused, KEY_AWAY when nobody can say."""
        is_unknown = False
        for position, (signature_name, path_name) in enumerate(SIGNATURES, start=1):
            signature = decoded(headers.get(signature_name, ""))
            path = headers.get(path_name, "").strip()
            if signature is None or not KEY_PATH.fullmatch(path):
                continue
            try:
                key = await self._keys.key(path)
            except KeyAwayError:
                is_unknown = True
                continue
            if key is not None and is_signed(key, signature, raw):
                return Verified(Sender.ADOBE_EVENTS, f"{position}-{path.rpartition('-')[2][:8]}")
        if is_unknown:
            raise Rejection(Reason.KEY_AWAY, "Adobe's public key cannot be fetched")
        raise Rejection(Reason.SIGNATURE_WRONG, "no digital signature matches the body")

    async def _publish(
        self, visit: RequestContext, deliveries: list[Delivery], verified: Verified
    ) -> list[dict[str, Any]]:
        """Publish every event; raises the first refusal after all others have had their turn."""
        answers = await asyncio.gather(
            *(self._publish_one(visit, delivery, verified) for delivery in deliveries),
            return_exceptions=True,
        )
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if failures:
            # What Adobe will repeat goes first: a 4xx for one event would end the others' retries.
            raise min(failures, key=_is_for_good)
        return [answer for answer in answers if isinstance(answer, dict)]

    async def _publish_one(
        self, visit: RequestContext, delivery: Delivery, verified: Verified
    ) -> dict[str, Any]:
        known = self._receipts.get(delivery.adobe_id)
        if known is not None:
            return known
        if delivery.error:
            raise Rejection(Reason.UNDECODABLE, delivery.error)
        place = self._desk.placed(delivery.raw, "")
        if not self._desk.takes(place):
            self._desk.ignore(place)
            return {"ignored": True, "event": place.event}
        event_id, ack = await self._desk.accept(
            visit, place, delivery.raw, verified, delivery.adobe_id
        )
        receipt = {
            "event_id": event_id,
            "topic": ack.topic,
            "partition": ack.partition,
            "offset": ack.offset,
        }
        self._remember(delivery.adobe_id, receipt)
        return receipt

    def _remember(self, adobe_id: str, receipt: dict[str, Any]) -> None:
        if not adobe_id:
            return
        self._receipts[adobe_id] = receipt

    async def _validation_answer(self, visit: RequestContext) -> web.Response:
        """Log the link that Adobe posts when its challenge failed: a person has to open it."""
        length = visit.request.content_length
        if length is None or length > MAX_VALIDATION_BYTES:
            raise Rejection(Reason.SIGNATURE_MISSING, f"the header {SIGNATURES[0][0]} is missing")
        link = _validation_link(await self._desk.read(visit, None))
        if link is None:
            raise Rejection(Reason.SIGNATURE_MISSING, f"the header {SIGNATURES[0][0]} is missing")
        now = time.monotonic()
        if now - self._link_at >= LINK_SECONDS:
            self._link_at = now
            log.warning("adobe_validation_link", link=link, open_within_minutes=5)
        return json_answer(b'{"validation":"logged"}')


def _delivery(event: dict[str, Any]) -> Delivery:
    """Return one event of a list; one that cannot be written again is refused alone, later."""
    adobe_id = _first(event, EVENT_ID_FIELDS)
    try:
        return Delivery(written(event), adobe_id)
    except DecodeError as error:
        return Delivery(b"", adobe_id, str(error))


def _challenge_answer(request: web.BaseRequest) -> web.Response:
    challenge = request.rel_url.query.get("challenge", "")
    if not challenge or len(challenge) > MAX_CHALLENGE_CHARACTERS:
        raise Rejection(Reason.METHOD, f"{ADOBE_EVENTS_PATH} takes POST, and GET with ?challenge")
    text = challenge.encode(errors="replace").decode()
    return json_answer(orjson.dumps({"challenge": text}))


def _validation_link(raw: bytes) -> str | None:
    """Return the link of `{"validationUrl": …}` if it leads to Adobe."""
    with contextlib.suppress(orjson.JSONDecodeError, ValueError):
        body = orjson.loads(raw)
        link = body.get("validationUrl") if isinstance(body, dict) else None
        if isinstance(link, str) and is_below(https_host(link), *VALIDATION_HOSTS):
            return link
    return None


def _first(event: dict[str, Any], names: tuple[str, ...]) -> str:
    values = (event.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), "")


def _is_for_good(failure: BaseException) -> bool:
    return isinstance(failure, Rejection) and RULES[failure.reason].status < SERVER_ERROR
