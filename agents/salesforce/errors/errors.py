"""What a failure of Salesforce means: the exception of whole calls and the verdict on any error.

Classified on `errorCode` and message, because the HTTP status says too little: 403 is both "no"
and "the day's quota is spent", and one code stands for quota and concurrency. The table, with the
defaults for codes that are in no row, is `agents.salesforce.errors.error_table`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agents.salesforce.errors import error_table as table
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from schemas.salesforce import RowError
from stream.errors import StreamError

STALE_MARKER = "orderstream: newer state already stored"

BodyKind = Literal["", "json", "html", "empty", "text"]


@dataclass(frozen=True, slots=True)
class ErrorVerdict:
    """What an error means. `fix` is for the person on call; `advice` for the sender."""

    kind: ErrorKind
    code: str
    meaning: str
    fix: str
    advice: Advice = Advice.NONE


def classify(status: int, code: str, message: str) -> ErrorVerdict:
    """Return the verdict on an error of a call (its HTTP status) or of a row (status 200)."""
    known = (rule for rule in table.RULES if rule.fits(status, code, message))
    by_status = (rule for statuses, rule in table.DEFAULTS if status in statuses)
    rule = next(known, None) or next(by_status, table.UNKNOWN_FAILURE)
    return ErrorVerdict(rule.kind, code or f"HTTP_{status}", rule.meaning, rule.fix, rule.advice)


def classify_row(error: RowError) -> ErrorVerdict:
    """Return the verdict on one entry of a row's `errors`."""
    return classify(200, error.code, error.message)


def is_stale(error: RowError) -> bool:
    """Whether the org's own rule refused an older state: superseded, not an error."""
    return STALE_MARKER in error.message


class SalesforceError(StreamError):
    """A whole call failed: Salesforce said no, or nothing.

    `status` is 0 when there was no HTTP answer. `is_outcome_unknown` is set when the request may
    have been carried out (a timeout or cut after sending, an unreadable answer): an upsert is
    repeated safely. `retry_after_seconds` is the server's wish or the login's pause.
    `server_date` is the answer's Date header, for judging clock skew.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind,
        code: str = "",
        status: int = 0,
        fields: tuple[str, ...] = (),
        meaning: str = "",
        fix: str = "",
        advice: Advice = Advice.NONE,
        retry_after_seconds: float | None = None,
        is_outcome_unknown: bool = False,
        body_kind: BodyKind = "",
        server_date: str = "",
    ) -> None:
        self.message = message
        self.kind = kind
        self.code = code
        self.status = status
        self.fields = fields
        self.meaning = meaning
        self.fix = fix
        self.advice = advice
        self.retry_after_seconds = retry_after_seconds
        self.is_outcome_unknown = is_outcome_unknown
        self.body_kind = body_kind
        self.server_date = server_date
        parts = [f"{code or status or kind.value}: {message}", meaning, fix]
        super().__init__(" ".join(part for part in parts if part))


class LoginError(SalesforceError):
    """No token could be had: the message says what to do in Salesforce's Setup."""


class NoAnswerError(SalesforceError):
    """The network, not Salesforce: refused, cut or timed out."""


class BadAnswerError(SalesforceError):
    """Salesforce answered 2xx with something that is not the answer: HTML, nothing, wrong length.

    The request may have been carried out.
    """
