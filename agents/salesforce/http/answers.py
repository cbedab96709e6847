"""Reading what Salesforce answers, in every shape it comes in.

    REST error          [{"message", "errorCode", "fields"}], or <Errors><Error><errorCode>…
    a wrapper around    {"errors": […]}, {"error": {…}}, [{"body": […]}]
    OAuth error         {"error", "error_description"}
    Collections row     {"id", "success", "errors": [{"statusCode", …}], "created"}
    Bulk 2.0 row        CODE:message:fields--
    edge and proxies    HTML, plain text, nothing

Nothing is trusted: an answer that does not say clearly that a row was written, and as which record,
is a failed row, and a list of another length than the request is no answer at all, because position
is all that ties a result to its row.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

import orjson

from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_table import BY_CODE
from agents.salesforce.errors.errors import (
    BadAnswerError,
    BodyKind,
    SalesforceError,
    cause_of,
    classify,
    is_code,
)
from agents.salesforce.http.server_date import unix_seconds
from agents.salesforce.http.usage import read_usage
from schemas.salesforce import RowError, RowResult

SALESFORCE_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
SHORT_ID = 15  # characters that tell one record from all others; three more are a checksum
CODE_NAMES = ("errorCode", "statusCode", "exceptionCode", "error", "code")
REFUSAL_NAMES = ("errorCode", "exceptionCode", "error")  # no answer has them at its top
MESSAGE_NAMES = ("message", "exceptionMessage", "error_description")
MOST_WRAPPERS = 5
# A code and its message in an XML answer of REST, SOAP or OAuth; a code in JSON that was
# cut, or at the beginning of plain text.
XML_CODE = re.compile(
    r"<(?:\w+:)?(?:errorCode|statusCode|exceptionCode|faultcode|error)\b[^>]*>\s*(?:\w+:)?(\w+)\s*</"
)
XML_MESSAGE = re.compile(
    r"<(?:\w+:)?(?:message|exceptionMessage|faultstring|error_description)\b[^>]*>([^<]*)</"
)
CUT_CODE = re.compile(
    r'"(?:errorCode|statusCode|exceptionCode|error)"\s*:\s*"(\w+)"|\A([A-Z]+(?:_[A-Z]+)+)\b'
)
MULTIPLE_CHOICES, REDIRECT = 300, 301
# A page of maintenance names an hour for minutes: who waits that long, call or login, does not see
# that it is over. One look in five minutes is no burden.
MAX_RETRY_AFTER_SECONDS = 300.0
MESSAGE_CHARACTERS = 5000  # all of it: the cause stands at the end of what a flow tells
SERVER_FAILURES = range(500, 600)

BAD_ROW = RowResult(
    success=False, errors=(RowError("BAD_ANSWER", "Salesforce's answer for this row is no result"),)
)


def decode(body: bytes) -> tuple[Any, BodyKind]:
    """Return (value, kind) of a response body; the value is None unless the kind is json."""
    text = _utf8(body).strip()
    if not text:
        return None, "empty"
    try:
        return orjson.loads(text), "json"
    except orjson.JSONDecodeError:
        return None, "html" if text[:1] == b"<" else "text"


def _utf8(body: bytes) -> bytes:
    """Return a body in UTF-8 that came in another Unicode encoding or with a byte order mark."""
    encoding = json.detect_encoding(body)
    try:
        return body if encoding == "utf-8" else body.decode(encoding).encode()
    except UnicodeDecodeError:
        return body


def errors_in(value: Any) -> tuple[RowError, ...]:
    """Return the errors of a decoded body, however it is wrapped; empty if it has none."""
    return tuple(map(_error, _entries(value)))


def _entries(value: Any, depth: int = MOST_WRAPPERS) -> Iterator[Mapping[str, Any]]:
    """Yield the objects that hold a code. What stands in a known error is its detail."""
    inner = value if isinstance(value, list) else ()
    if isinstance(value, dict):
        if code := _code(value):
            yield value
        inner = () if code in BY_CODE else tuple(value.values())
    for one in inner if depth else ():
        yield from _entries(one, depth - 1)


def is_refusal(value: Any) -> bool:
    """Whether a decoded body is a REST or OAuth error and no answer, whatever its status says."""
    entries = value if isinstance(value, list) else [value]
    return bool(entries) and all(
        isinstance(entry, dict)
        and "success" not in entry
        and any(isinstance(code := entry.get(name), str) and code for name in REFUSAL_NAMES)
        for entry in entries
    )


def _code(entry: Mapping[str, Any]) -> str:
    codes = (entry.get(name) for name in CODE_NAMES)
    return next((code.strip() for code in codes if isinstance(code, str) and code.strip()), "")


def _error(entry: Mapping[str, Any]) -> RowError:
    message = next((text for name in MESSAGE_NAMES if (text := entry.get(name))), "")
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
        has_quota_left=None if usage is None else usage.has_calls_left,
    )


def _told(body: bytes) -> tuple[Any, BodyKind]:
    """Return what a refusal says: in JSON, in whatever bytes, in XML, or as far as it came."""
    text = _utf8(body).decode("utf-8", "replace")  # codes are ASCII in nearly every encoding
    value, body_kind = decode(text.encode())
    if body_kind in {"json", "empty"}:
        return value, body_kind
    if body_kind == "html":
        told = zip_longest(XML_CODE.findall(text), XML_MESSAGE.findall(text), fillvalue="")
    else:
        told = zip_longest(map("".join, CUT_CODE.findall(text.strip())), [], fillvalue="")
    errors = [{"errorCode": code, "message": message} for code, message in told if code]
    return (errors, "json") if errors else (None, body_kind)


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
    first = cause_of(errors_in(value), f"HTTP {status} with {body_kind} body")
    is_page = status == MULTIPLE_CHOICES and body_kind != "json"  # no list of records: an address
    judged = REDIRECT if is_page else status
    verdict = classify(judged, first.code, first.message, has_quota_left=has_quota_left)
    sentence = first.code if first.code != verdict.code else ""
    return SalesforceError(
        first.message or sentence,
        status=status,
        fields=first.fields,
        **asdict(verdict),
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
        until, now = unix_seconds(text), unix_seconds(server_date)
        if until is None or now is None:
            return None
        seconds = until - now
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


def row_results(value: Any, expected: int, *, tells_created: bool = False) -> tuple[RowResult, ...]:
    """Return one result per row of a Collections answer, in order.

    Raises BadAnswerError unless the value is a list of exactly `expected` entries.
    """
    if not isinstance(value, list):
        raise bad_answer(f"expected {expected} row results, got {type(value).__name__}")
    if len(value) != expected:
        raise bad_answer(f"expected {expected} row results, got {len(value)}")
    return tuple([row_result(entry, tells_created=tells_created) for entry in value])


def row_result(value: Any, *, tells_created: bool = False) -> RowResult:
    """Return the result of one row; `created` counts only when `success` is true.

    `tells_created`: it is an upsert's, which always says whether the record is a new one.
    """
    if not isinstance(value, dict):
        return BAD_ROW
    if value.get("success") is True and not value.get("errors"):
        record_id, created = value.get("id"), value.get("created")
        if not isinstance(record_id, str) or not SALESFORCE_ID.fullmatch(record_id):
            return BAD_ROW
        if tells_created and not isinstance(created, bool):
            return BAD_ROW
        return RowResult(success=True, id=record_id, created=created is True)
    errors = errors_in(value)
    return RowResult(success=False, errors=errors) if errors else BAD_ROW


def credible(results: Sequence[RowResult], ids: Iterable[str]) -> list[RowResult]:
    """Return the results; a success that names a record which cannot be the row's is none.

    `ids` is what is known of each row's record: its id, the key prefix of its sObject, or nothing.
    Two rows of one call are never one record.
    """
    named = [result.id[:SHORT_ID] for result in results]
    told = Counter(named)
    return [
        BAD_ROW
        if result.success and (told[name] > 1 or not name.startswith(known[:SHORT_ID]))
        else result
        for result, name, known in zip(results, named, ids, strict=True)
    ]


def bulk_error(text: str) -> RowError:
    """Return the error of a Bulk 2.0 row or job: `CODE:message:field1,field2--`."""
    code, _, rest = text.partition(":")
    if not is_code(code.strip()):
        return RowError("", text.strip()[:MESSAGE_CHARACTERS])
    rest = rest.strip()
    if not rest.endswith("--"):
        return RowError(code.strip(), rest[:MESSAGE_CHARACTERS])
    message, _, names = rest.removesuffix("--").rpartition(":")
    fields = tuple(name.strip() for name in names.split(",") if name.strip())
    return RowError(code.strip(), message.strip()[:MESSAGE_CHARACTERS], fields)
