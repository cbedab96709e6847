"""What a failure of Salesforce means: the exception of whole calls and the verdict on any error.

Decided by code, field names, ids, HTTP status and what was sent; never by the words of a message,
which come in the language of the integration user. The table is
`agents.salesforce.errors.error_table`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from html import unescape
from typing import Any, Literal

from agents.salesforce.errors import error_table as table
from agents.salesforce.errors.automation_codes import VALIDATION, WRAPPERS
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice, ErrorRule
from schemas.salesforce import Row, RowError
from stream.errors import StreamError

STALE_MARKER = "orderstream: newer state already stored"
STALE_FIELD = "Magento_Updated_At__c"  # where our validation rule shows its error
ROWS_ONLY = frozenset({ErrorKind.PERMANENT, ErrorKind.UNKNOWN})
# Names of limits, which nobody translates.
CONCURRENT = re.compile(r"\bConcurrent")  # or the newer `Concurrent requests limit exceeded`
OF_BULK = re.compile(r"(?:Api|Daily|Concurrent)\w*(?:Batch|Bulk)")  # ApiBatchItems
TOTAL = "TotalRequests"
NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)
BULK_QUOTA = "ExceededQuota"
TOO_MANY_REQUESTS = 429

BodyKind = Literal["", "json", "html", "empty", "text"]


@dataclass(frozen=True, slots=True)
class ErrorVerdict:
    """What an error means. `fix` is for the person on call; `advice` for the sender.

    `rule` names the row of the table that judged: a code, a nested code or a status.
    """

    kind: ErrorKind
    code: str
    meaning: str
    fix: str
    advice: Advice
    rule: str


def classify(
    status: int, code: str, message: str = "", *, has_quota_left: bool | None = None
) -> ErrorVerdict:
    """Return the verdict on an error of a call (its HTTP status) or of a row (status 200).

    `has_quota_left`: what the answer's usage header says of the day's calls, if it has one.
    """
    rule, name = _rule_of(status, code, message, has_quota_left)
    is_row = status == table.ROW or status in table.ROW_STATUSES
    if rule.kind in ROWS_ONLY and not is_row:  # no row explains a call refused like this
        rule, name = table.by_status(status), f"HTTP_{status}"
    told = code if is_code(code) else f"HTTP_{status}"
    return ErrorVerdict(rule.kind, told, rule.meaning, rule.fix, rule.advice, name)


def is_code(text: str) -> bool:
    """Whether it is a name; a gateway's error is a sentence, which may quote what was sent."""
    return NAME.fullmatch(text) is not None


def _rule_of(
    status: int, code: str, message: str, has_quota_left: bool | None
) -> tuple[ErrorRule, str]:
    if code in table.WRAPPER_CODES:
        inner = nested_code(message, table.NESTED_CODES)
        if not inner and tells_of_a_limit(message):
            return table.GOVERNOR_LIMIT, "LimitException"
        if inner:
            return table.in_automation(table.BY_CODE[inner]), inner
    if code == "REQUEST_LIMIT_EXCEEDED" and OF_BULK.search(message):
        return table.BY_CODE[BULK_QUOTA], BULK_QUOTA
    if code == "REQUEST_LIMIT_EXCEEDED" and _is_about_now(status, message, has_quota_left):
        return table.TOO_MANY_AT_ONCE, "ConcurrentRequests"
    if not is_code(code) and status in table.GATEWAY_STATUSES:
        return table.NOT_FROM_THE_API, f"HTTP_{status}"
    rule = table.BY_CODE.get(code)
    return (rule, code) if rule else (table.by_status(status), f"HTTP_{status}")


def _is_about_now(status: int, message: str, has_quota_left: bool | None) -> bool:
    """Whether a limit of requests is that of the moment, not that of the day."""
    if CONCURRENT.search(message):
        return True
    if TOTAL in message:
        return False
    return status == TOO_MANY_REQUESTS if has_quota_left is None else has_quota_left


def classify_job(code: str) -> ErrorVerdict:
    """Return the verdict on a Bulk job that failed before a row was read: never a row's fault."""
    rule = table.BY_CODE.get(code, table.UNKNOWN_FAILURE)
    if rule.kind in ROWS_ONLY:
        rule = table.UNKNOWN_FAILURE
    return ErrorVerdict(rule.kind, code or "Unknown", rule.meaning, rule.fix, rule.advice, code)


def cause_of(errors: Sequence[RowError], otherwise: str = "no reason given") -> RowError:
    """Return the error that is judged of several: the first that the table knows."""
    known = (error for error in errors if error.code in table.BY_CODE)
    return next(known, errors[0] if errors else RowError("", otherwise))


def classify_row(error: RowError, row: Row | None = None) -> ErrorVerdict:
    """Return the verdict on one entry of a row's `errors`; `row` is what was sent."""
    if error.code == "INVALID_FIELD" and row is not None and misses_parent(error, row):
        rule = table.MISSING_PARENT
        return ErrorVerdict(rule.kind, error.code, rule.meaning, rule.fix, rule.advice, "parent")
    message = error.message if row is None else _unquoted(error.message, row)
    verdict = classify(table.ROW, error.code, message)
    if verdict.kind is ErrorKind.UNKNOWN and error.fields and error.code in VALIDATION:
        return replace(verdict, kind=ErrorKind.PERMANENT)  # a rule that names its field
    return verdict


def _unquoted(message: str, row: Row) -> str:
    """Return a message without the values that were sent and read like a code: nobody's cause."""
    for value in row.whole.values():
        if isinstance(value, str) and (
            nested_code(value, table.NESTED_CODES) or tells_of_a_limit(value)
        ):
            message = message.replace(value, " ")
    return message


def misses_parent(error: RowError, row: Row) -> bool:
    """Whether an INVALID_FIELD speaks of the record that the row belongs to.

    A missing parent and an unknown field have one code. Salesforce quotes what it did not find: the
    parent's key, or the field's name. If it quotes neither, the parent is the harmless reading: it
    is brought back, and the row repeated.
    """
    sent = row.whole
    parents = [str(key) for value in sent.values() for key in _keys_of(value)]
    told = unescape(error.message).casefold()  # some answers escape as HTML does, and fold cases
    if any(key and key.casefold() in told for key in parents):
        return True
    names = {*sent, row.external_id_field}
    quoted = {*error.fields, *re.findall(r"\w+", error.message)}
    return bool(parents) and not names & quoted


def _keys_of(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, Mapping) else []


def is_stale(error: RowError) -> bool:
    """Whether the org's own rule refused an older state: superseded, not an error."""
    is_rule = error.code in table.WRAPPER_CODES  # any other quotes what was sent
    return is_rule and (STALE_MARKER in error.message or error.fields == (STALE_FIELD,))


def is_of_a_chunk(error: RowError) -> bool:
    """Whether automation may have said it of all rows it was given; then no field is named."""
    return error.code in WRAPPERS or (error.code in VALIDATION and not error.fields)


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
        rule: str = "",
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
        self.rule = rule
        self.retry_after_seconds = retry_after_seconds
        self.is_outcome_unknown = is_outcome_unknown
        self.body_kind = body_kind
        self.server_date = server_date
        parts = [f"{code or status or kind.value}: {message}", meaning, fix]
        super().__init__(" ".join(part for part in parts if part))

    @property
    def is_not_found(self) -> bool:
        """Whether Salesforce says that something does not exist; another server's 404 does not."""
        return self.rule == "NOT_FOUND"


class LoginError(SalesforceError):
    """No token could be had: the message says what to do in Salesforce's Setup."""


class NoAnswerError(SalesforceError):
    """The network, not Salesforce: refused, cut or timed out."""


class TimedOutError(NoAnswerError):
    """Nothing came within the deadline of a call that was sent: it took as long as one can take."""


class JobFailedError(SalesforceError):
    """A Bulk job ended before it read a row: it is no row's fault, and Composite may do without."""


class BadAnswerError(SalesforceError):
    """Salesforce answered 2xx with something that is not the answer: HTML, nothing, wrong length.

    The request may have been carried out.
    """


CODE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
LIMIT_EXCEPTION = "LimitException"  # Apex: a governor limit of the transaction


def nested_code(message: str, known: Collection[str]) -> str:
    """Return the innermost known code of a wrapper's message, empty when it holds none.

    A trigger that loses a lock answers CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY, and its message holds
    `first error: UNABLE_TO_LOCK_ROW, …`. Exceptions are quoted from the outside in, so the last one
    is the cause. Codes and Apex classes are never translated: only they are looked for in a text.
    """
    found = [code for code in CODE.findall(message) if code in known]
    return found[-1] if found else ""


def tells_of_a_limit(message: str) -> bool:
    """Whether Apex says that the transaction was too much."""
    return LIMIT_EXCEPTION in message
