"""The ways a call can fail, as data: what Salesforce, its edge or the network answers instead.

`is_applied` says whether the call's writes happen before the answer is spoilt. Texts and statuses
follow salesforce reference §4.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_HTML = (
    "<html><head><title>Service Unavailable</title></head>"
    "<body><h1>We are down for maintenance.</h1></body></html>"
)


def _error(code: str, message: str) -> list[dict[str, str]]:
    return [{"message": message, "errorCode": code}]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer given instead of the real one; a `str` body is sent as it is, as HTML."""

    status: int
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_applied: bool = False


_UNKNOWN = Reply(500, _error("UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1 (-1)"))
REPLIES: dict[str, Reply] = {
    "unavailable": Reply(
        503, _error("SERVER_UNAVAILABLE", "The server is busy. Please retry your request later.")
    ),
    "unavailable_html": Reply(503, _HTML),
    "bad_gateway": Reply(502, "no healthy upstream"),
    "unknown_exception": _UNKNOWN,
    "subrequest": _UNKNOWN,
    "rate_limited": Reply(
        429,
        _error("REQUEST_LIMIT_EXCEEDED", "Too many requests."),
        {"Retry-After": "1"},
    ),
    "quota": Reply(403, _error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")),
    "concurrency": Reply(
        403,
        _error(
            "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
        ),
    ),
    "edge": Reply(420, "Salesforce Edge doesn't have routing information"),
    "not_acceptable": Reply(406),
    "empty": Reply(200, is_applied=True),
    "html": Reply(200, _HTML),
    "session_expired": Reply(401, _error("INVALID_SESSION_ID", "Session expired or invalid")),
    "not_valid_for_rest": Reply(
        401, _error("INVALID_SESSION_ID", "This session is not valid for use with the REST API")
    ),
    "api_disabled": Reply(
        403,
        _error("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization."),
    ),
    "running_too_long": Reply(
        400,
        _error("REQUEST_RUNNING_TOO_LONG", "Your request was running for too long."),
    ),
    "storage_full": Reply(400, _error("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")),
    "firewall": Reply(400, "<html><body><h2>Bad Request - Invalid Hostname</h2></body></html>"),
    "wrapped": Reply(503, {"errors": _error("SERVER_UNAVAILABLE", "O servidor está ocupado.")}),
    "no_under_yes": Reply(200, _error("INVALID_SESSION_ID", "Sitzung abgelaufen oder ungültig")),
    "moved": Reply(404, _error("URL_NOT_RESET", "Destination URL not reset.")),
    "redirect": Reply(302, "", {"Location": "https://login.salesforce.com/"}),
}

# the connection, not the answer
CONNECTION = {
    "cut_before": "the connection is cut, nothing is written",
    "cut_after": "everything is written, then the connection is cut",
    "stall_before": "no answer for `seconds`, nothing is written",
    "stall_after": "everything is written, then no answer for `seconds`",
    "truncated": "everything is written, then the answer breaks off half way",
}
# the real answer, spoilt
SPOILT = {
    "wrong_length": "everything is written, the result array lacks its last entry",
    "foreign_ids": "everything is written, each result names a record of another sObject",
    "shuffled": "everything is written, the results come in another order than the rows",
    "created_not_success": "nothing is written, each result says success:false, created:true",
}
# rows: `external_id`, `external_id_pattern`, `record_id`, `sobject` choose them
ROWS = {
    "lock": "the record, or a row whose parent it is, fails with UNABLE_TO_LOCK_ROW",
    "row_error": "the row fails with `code`, `message`, `fields`; `probability` of each row",
    "trigger": "every row of the collection that has the row fails with `code`, `message`",
    "poison": "a request that has the row is refused whole with `status`, `code`, `message`",
}
OTHER = {
    "respond": "answer with `status`, `body`, `headers`; `is_applied` writes first",
    "subrequest": "a composite's sub-request answers `status`, `body`, nothing of it is written",
    "latency": "wait `latency_ms` longer",
    "fail_job": "the next bulk job fails with `message`, nothing is processed",
    "auth_refused": "the token endpoint answers `error`, `error_description`",
}
# done at once, kept nowhere
ACTIONS = {
    "expire_tokens": "every access token is invalid from now on",
    "revoke_refresh_tokens": "every refresh token is invalid from now on",
    "spend_quota": "the day's calls are used up",
}
CALL_KINDS = (
    (frozenset(REPLIES) - {"subrequest"}) | frozenset(CONNECTION) | frozenset(SPOILT) | {"respond"}
)
STORED_KINDS = CALL_KINDS | frozenset(ROWS) | frozenset(OTHER)
