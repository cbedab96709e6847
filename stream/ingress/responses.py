"""What the ingress answers: one table of reasons. docs/ingress.md shows it (a test holds it).

The status decides what a sender does next (magento reference §1): Adobe drops a 4xx for good and
retries 429 and 5xx; mage-os retries any error and honours a numeric Retry-After. So everything
that is our fault, or passes by itself, is a 503; a 4xx is for the sender's side to change.
"""

from __future__ import annotations

import traceback
from enum import StrEnum
from http import HTTPStatus

import orjson
import structlog
from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time

from schemas.frozen import dataclass

log = structlog.get_logger()

# Long enough for a broker's leader election, short enough for mage-os' 60 s ceiling.
BROKER_RETRY_AFTER_SECONDS = 5
# A full process is usually free again after a few acks.
FULL_RETRY_AFTER_SECONDS = 1

MAX_ERROR_CHARACTERS = 300


class Reason(StrEnum):
    """Why a request was answered as it was: the label of the metric and of the log line."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    SIGNATURE_ALGORITHM = "signature_algorithm"
    UNDECODABLE = "undecodable"
    EVENT_NAME = "event_name"
    BROKEN_BODY = "broken_body"
    BROKEN_HTTP = "broken_http"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_MALFORMED = "signature_malformed"
    SIGNATURE_WRONG = "signature_wrong"
    SIGNATURE_EXPIRED = "signature_expired"
    RECIPIENT_WRONG = "recipient_wrong"
    NOT_FOUND = "not_found"
    METHOD = "method"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    RECORD_TOO_LARGE = "record_too_large"
    ENCODED = "encoded"
    MULTIPART = "multipart"
    EXPECTATION = "expectation"
    BROKER_AWAY = "broker_away"
    KEY_AWAY = "key_away"
    FULL = "full"
    BUG = "bug"
    SENDER_GONE = "sender_gone"


@dataclass(frozen=True, slots=True)
class RejectionRule:
    """How one reason is answered. `closes`: the connection cannot be used any more."""

    status: int
    fix: str
    retry_after_seconds: int | None = None
    closes: bool = False


RULES: dict[Reason, RejectionRule] = {
    Reason.ACCEPTED: RejectionRule(200, "nothing to do: Kafka has the event"),
    Reason.IGNORED: RejectionRule(200, "nothing to do; unsubscribe the event to save the traffic"),
    Reason.SIGNATURE_ALGORITHM: RejectionRule(
        400, "sign with HMAC-SHA256: X-Magento-Signature: sha256=…"
    ),
    Reason.UNDECODABLE: RejectionRule(400, "send the order or customer as a JSON object, see docs"),
    Reason.EVENT_NAME: RejectionRule(
        400, "post to /magento/webhook/{event}: letters, digits, . _ -"
    ),
    Reason.BROKEN_BODY: RejectionRule(400, "send the body the headers announce", closes=True),
    Reason.BROKEN_HTTP: RejectionRule(400, "send one well-formed HTTP/1.1 request", closes=True),
    Reason.SIGNATURE_MISSING: RejectionRule(
        401, "sign the raw body as docs/senders.md says for the sender"
    ),
    Reason.SIGNATURE_MALFORMED: RejectionRule(401, "write the signature as docs/senders.md says"),
    Reason.SIGNATURE_WRONG: RejectionRule(
        401, "sign the raw body with the secret or key that is set here"
    ),
    Reason.SIGNATURE_EXPIRED: RejectionRule(
        401, "sign anew for every attempt, and set the clock; see INGRESS_REPLAY_WINDOW_SECONDS"
    ),
    Reason.RECIPIENT_WRONG: RejectionRule(
        401, "set ADOBE_EVENTS_CLIENT_ID to the client ID of the project"
    ),
    Reason.NOT_FOUND: RejectionRule(404, "post to /magento/webhook or /magento/webhook/{event}"),
    Reason.METHOD: RejectionRule(405, "POST to /magento/webhook; GET /livez, /readyz and /metrics"),
    Reason.TOO_SLOW: RejectionRule(
        408, "send the whole request within INGRESS_REQUEST_TIMEOUT_SECONDS", closes=True
    ),
    Reason.TOO_LARGE: RejectionRule(
        413, "send less (leave parent_item out), or raise INGRESS_MAX_BODY_BYTES", closes=True
    ),
    Reason.RECORD_TOO_LARGE: RejectionRule(
        413, "raise max.message.bytes of the topic above INGRESS_MAX_BODY_BYTES"
    ),
    Reason.ENCODED: RejectionRule(415, "send the body without Content-Encoding", closes=True),
    Reason.MULTIPART: RejectionRule(415, "send the JSON itself as the body", closes=True),
    Reason.EXPECTATION: RejectionRule(
        417, "leave the Expect header out, or send 100-continue", closes=True
    ),
    Reason.BROKER_AWAY: RejectionRule(
        503,
        "send it again: the event may not have been stored",
        retry_after_seconds=BROKER_RETRY_AFTER_SECONDS,
    ),
    Reason.KEY_AWAY: RejectionRule(
        503,
        "send it again: the public key that would prove it could not be fetched",
        retry_after_seconds=BROKER_RETRY_AFTER_SECONDS,
    ),
    Reason.FULL: RejectionRule(
        503,
        "send it again: too many events are waiting for Kafka",
        retry_after_seconds=FULL_RETRY_AFTER_SECONDS,
        closes=True,
    ),
    Reason.BUG: RejectionRule(
        503,
        "send it again, and report the log line to us",
        retry_after_seconds=BROKER_RETRY_AFTER_SECONDS,
        closes=True,
    ),
    Reason.SENDER_GONE: RejectionRule(
        499, "nothing: the sender hung up before its answer (never sent)", closes=True
    ),
}


class Rejection(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request that gets another answer than a receipt. `error` never holds data of a body."""

    def __init__(self, reason: Reason, error: str) -> None:
        self.reason = reason
        self.error = error
        super().__init__(error)


def refusal_of(reason: Reason, error: str) -> web.Response:
    """Return the JSON answer `{error, fix}` of a refusal."""
    rule = RULES[reason]
    headers = {}
    if rule.retry_after_seconds is not None:
        headers["Retry-After"] = str(rule.retry_after_seconds)
    if reason is Reason.METHOD:
        headers["Allow"] = "POST"
    response = web.Response(
        status=rule.status,
        body=refusal_body(reason, error),
        headers=headers,
        content_type="application/json",
    )
    if rule.closes:
        response.force_close()
    return response


def refusal_body(reason: Reason, error: str) -> bytes:
    """Return `{"error": …, "fix": …}`, cut to a sane length, safe for any text."""
    text = error[:MAX_ERROR_CHARACTERS].encode(errors="replace").decode()
    return orjson.dumps({"error": text, "fix": RULES[reason].fix})


def raw_refusal(reason: Reason, error: str, *, closes: bool) -> bytes:
    """Return a whole HTTP answer, for connections without a request object."""
    rule = RULES[reason]
    lines = [
        f"HTTP/1.1 {rule.status} {HTTPStatus(rule.status).phrase}",
        "Content-Type: application/json",
        f"Date: {rfc822_formatted_time()}",
    ]
    if rule.retry_after_seconds is not None:
        lines.append(f"Retry-After: {rule.retry_after_seconds}")
    if closes:
        lines.append("Connection: close")
    body = refusal_body(reason, error)
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def json_answer(body: bytes, *, status: int = 200) -> web.Response:
    """Return an answer that is no refusal."""
    return web.Response(
        status=status,
        body=body,
        content_type="application/json",
    )


def log_bug(error: BaseException) -> None:
    """Log where an error of ours happened, without its message: that may quote a customer."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    log.error(
        "ingress_bug",
        error=type(error).__name__,
        where=[f"{frame.filename}:{frame.lineno}" for frame in frames],
    )
