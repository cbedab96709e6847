"""Reading what Salesforce answers, in every shape it comes in.

    REST error          [{"message", "errorCode", "fields"}], or <Errors><Error><errorCode>…
    OAuth error         {"error", "error_description"}
    Collections row     {"id", "success", "errors": [{"statusCode", …}], "created"}
    Bulk 2.0 row        CODE:message:fields--
    edge and proxies    HTML, plain text, nothing

Nothing is trusted: an answer that does not say clearly that a row was written is a failed row, and
a list of another length than the request is no answer at all, because position is all that ties a
result to its row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from itertools import zip_longest
from typing import Any

import orjson

from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_table import BY_CODE
from agents.salesforce.errors.errors import BadAnswerError, BodyKind, SalesforceError, classify
from agents.salesforce.http.usage import read_usage
from schemas.salesforce import RowError, RowResult

SALESFORCE_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
# A code, then what follows it up to the message, in an XML answer of REST or SOAP.
XML_CODE = re.compile(r"<(?:\w+:)?(?:errorCode|exceptionCode|faultcode)>(?:\w+:)?(\w+)</")
XML_MESSAGE = re.compile(r"<(?:\w+:)?(?:message|exceptionMessage|faultstring)>([^<]*)</")
# A page of maintenance may name a day: who waits that long does not see that it is over.
MAX_RETRY_AFTER_SECONDS = 3600.0
MESSAGE_CHARACTERS = 5000  # all of it: the cause stands at the end of what a flow tells
SERVER_FAILURES = range(500, 600)

BAD_ROW = RowResult(
    success=False, errors=(RowError("BAD_ANSWER", "Salesforce's answer for this row is no result"),)
)


def decode(body: bytes) -> tuple[Any, BodyKind]:
    """Return (value, kind) of a response body; the value is None unless the kind is json."""
    text = body.strip()
    if not text:
        return None, "empty"
    try:
        return orjson.loads(text), "json"
    except orjson.JSONDecodeError:
        return None, "html" if text[:1] == b"<" else "text"


def errors_in(value: Any) -> tuple[RowError, ...]:
    """Return the errors of a decoded REST, OAuth or Composite error body; empty if it has none."""
    entries = value if isinstance(value, list) else [value]
    return tuple(_error(entry) for entry in entries if isinstance(entry, dict) and _code(entry))


def _code(entry: Mapping[str, Any]) -> str:
    code = entry.get("errorCode") or entry.get("statusCode") or entry.get("error")
    return code.strip() if isinstance(code, str) else ""


def _error(entry: Mapping[str, Any]) -> RowError:
    message = entry.get("message") or entry.get("error_description") or ""
    fields = entry.get("fields")
    names = fields if isinstance(fields, list) else []
    return RowError(
        _code(entry), str(message)[:MESSAGE_CHARACTERS], tuple(str(name) for name in names)
    )


def refusal_of(status: int, headers: Mapping[str, str], body: bytes) -> SalesforceError:
    """Return the error of an HTTP answer that is not 2xx; `headers` ignore case."""
    value, body_kind = _told(body)
    server_date = headers.get("Date", "")
    usage = read_usage(headers.get("Sforce-Limit-Info", ""))
    return refusal(
        status,
        value,
        body_kind=body_kind,
        retry_after_seconds=_seconds(headers.get("Retry-After", ""), server_date),
        server_date=server_date,
        has_quota_left=None if usage is None else usage.used < usage.limit,
    )


def _told(body: bytes) -> tuple[Any, BodyKind]:
    """Return what a refusal says: in JSON, in whatever bytes, or in XML."""
    value, body_kind = decode(body)
    if body_kind == "text":  # a proxy's encoding: codes are ASCII in nearly every one
        value, body_kind = decode(body.decode("utf-8-sig", "replace").encode())
    if body_kind == "html":
        text = body.decode("utf-8", "replace")
        told = zip_longest(XML_CODE.findall(text), XML_MESSAGE.findall(text), fillvalue="")
        errors = [{"errorCode": code, "message": message} for code, message in told if code]
        return (errors, "json") if errors else (None, "html")
    return value, body_kind


def refusal(
    status: int,
    value: Any,
    *,
    body_kind: BodyKind = "json",
    retry_after_seconds: float | None = None,
    server_date: str = "",
    has_quota_left: bool | None = None,
) -> SalesforceError:
    """Return the error of a decoded answer, of a call or of one subrequest of a Composite."""
    errors = errors_in(value)
    known = (error for error in errors if error.code in BY_CODE)
    first = next(known, errors[0] if errors else None)
    if first is None:
        first = RowError("", f"HTTP {status} with {body_kind} body")
    verdict = classify(status, first.code, first.message, has_quota_left=has_quota_left)
    return SalesforceError(
        first.message,
        kind=verdict.kind,
        code=verdict.code,
        status=status,
        fields=first.fields,
        meaning=verdict.meaning,
        fix=verdict.fix,
        advice=verdict.advice,
        rule=verdict.rule,
        retry_after_seconds=retry_after_seconds,
        is_outcome_unknown=status in SERVER_FAILURES,
        body_kind=body_kind,
        server_date=server_date,
    )


def _seconds(text: str, server_date: str) -> float | None:
    """Return how long the server wants to be left alone, from seconds or a date of its clock."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            wait = parsedate_to_datetime(text) - parsedate_to_datetime(server_date)
        except (ValueError, TypeError):  # no date, or one without a zone
            return None
        seconds = wait.total_seconds()
    return min(seconds, MAX_RETRY_AFTER_SECONDS) if 0 <= seconds < float("inf") else None


def bad_answer(what: str, *, status: int = 200, body_kind: BodyKind = "json") -> BadAnswerError:
    """Return the error of a 2xx answer that cannot be read: the writes may have happened."""
    return BadAnswerError(
        what,
        kind=ErrorKind.TRANSIENT,
        code="BAD_ANSWER",
        status=status,
        meaning="Salesforce, or a proxy in between, answered success with something unreadable.",
        fix="Look for a proxy that rewrites answers.",
        rule="BAD_ANSWER",
        is_outcome_unknown=True,
        body_kind=body_kind,
    )


def row_results(value: Any, expected: int) -> tuple[RowResult, ...]:
    """Return one result per row of a Collections answer, in order.

    Raises BadAnswerError unless the value is a list of exactly `expected` entries.
    """
    if not isinstance(value, list):
        raise bad_answer(f"expected {expected} row results, got {type(value).__name__}")
    if len(value) != expected:
        raise bad_answer(f"expected {expected} row results, got {len(value)}")
    return tuple(row_result(entry) for entry in value)


def row_result(value: Any) -> RowResult:
    """Return the result of one row; `created` counts only when `success` is true."""
    if not isinstance(value, dict):
        return BAD_ROW
    if value.get("success") is True:
        record_id = value.get("id")
        if not isinstance(record_id, str) or not SALESFORCE_ID.fullmatch(record_id):
            return BAD_ROW
        return RowResult(success=True, id=record_id, created=value.get("created") is True)
    errors = errors_in(value.get("errors") or [])
    return RowResult(success=False, errors=errors) if errors else BAD_ROW


def bulk_error(text: str) -> RowError:
    """Return the error of a Bulk 2.0 row or job: `CODE:message:field1,field2--`."""
    code, _, rest = text.partition(":")
    rest = rest.strip()
    if not rest.endswith("--"):
        return RowError(code.strip(), rest[:MESSAGE_CHARACTERS])
    message, _, names = rest.removesuffix("--").rpartition(":")
    fields = tuple(name.strip() for name in names.split(",") if name.strip())
    return RowError(code.strip(), message.strip()[:MESSAGE_CHARACTERS], fields)
