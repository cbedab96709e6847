"""Several sub-requests in one call: Composite, Composite Graph and Composite Batch.

A sub-request goes through the same routes as a call of its own, so the same rules hold inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.salesforce.errors import RequestError, malformed_json
from sandbox.salesforce.rest.answer import Answer, RestRequest, refusal
from sandbox.salesforce.rest.callnames import sobjects_of
from sandbox.salesforce.rest.collection_calls import ROLLED_BACK

MAX_SUBREQUESTS = 25
MAX_COLLECTIONS_OR_QUERIES = 5
MAX_GRAPHS = 75
MAX_NODES = 500
MAX_FAILED_GRAPHS = 14
_PATH_START = 4  # "", "services", "data", "vXX.X"

Execute = Callable[[RestRequest], Answer]

_REFERENCE = re.compile(r"@\{([A-Za-z]\w*)((?:\[\d+\]|\.\w+)*)\}")
_STEP = re.compile(r"\[(\d+)\]|\.(\w+)")


class _UnresolvedError(Exception):
    """A reference to a sub-request that failed, comes later, or has no such value."""


def composite(request: RestRequest, execute: Execute) -> Answer:
    """POST /composite."""
    body = request.body
    requests = _subrequests(body, "compositeRequest")
    _check_limits(requests)
    is_all_or_none = body.get("allOrNone") is True
    if body.get("collateSubrequests", True) is not False:
        requests = _collated(requests, may_refer=request.may_refer)
    run = _run_whole if is_all_or_none else _run
    answers = run(request, requests, execute)
    return Answer(200, {"compositeResponse": [_as_json(item) for item in answers]})


def graph(request: RestRequest, execute: Execute) -> Answer:
    """POST /composite/graph: every graph is written whole or not at all."""
    body = request.body
    graphs = body.get("graphs") if isinstance(body, dict) else None
    if not isinstance(graphs, list) or len(graphs) > MAX_GRAPHS:
        raise malformed_json(f'The body of this call is {{"graphs": […]}}, at most {MAX_GRAPHS}')
    if sum(len(_subrequests(item, "compositeRequest")) for item in graphs) > MAX_NODES:
        raise RequestError(400, "LIMIT_EXCEEDED", f"Graphs may have {MAX_NODES} nodes in all")
    answers, failures = [], 0
    for item in graphs:
        requests = _subrequests(item, "compositeRequest")
        if failures > MAX_FAILED_GRAPHS:
            results = [(sub, _halted("Too many graphs failed")) for sub in requests]
        else:
            results = _run_whole(request, requests, execute)
        is_good = not any(answer.is_failure for _, answer in results)
        failures += not is_good
        answers.append(
            {
                "graphId": item.get("graphId"),
                "graphResponse": {"compositeResponse": [_as_json(result) for result in results]},
                "isSuccessful": is_good,
            }
        )
    return Answer(200, {"graphs": answers})


def batch(request: RestRequest, execute: Execute) -> Answer:
    """POST /composite/batch: every sub-request commits on its own and counts as a call."""
    body = request.body
    requests = _subrequests(body, "batchRequests")
    if len(requests) > MAX_SUBREQUESTS:
        raise RequestError(400, "LIMIT_EXCEEDED", f"At most {MAX_SUBREQUESTS} subrequests")
    results = []
    for sub in requests:
        url = f"/services/data/{str(sub.get('url', '')).lstrip('/')}"
        answer = _execute_one(request, sub | {"url": url}, sub.get("richInput"), execute)
        results.append({"statusCode": answer.status, "result": answer.body})
        if body.get("haltOnError") is True and answer.is_failure:
            break
    request.org.settings.calls_used += max(0, len(results) - 1)
    has_errors = any(result["statusCode"] >= 400 for result in results)  # noqa: PLR2004 - the number is its own name here
    return Answer(200, {"hasErrors": has_errors, "results": results})


Result = tuple[dict[str, Any], Answer]


def _run(request: RestRequest, requests: list[dict[str, Any]], execute: Execute) -> list[Result]:
    """Carry the sub-requests out in order, filling references from earlier answers."""
    known: dict[str, Any] = {}
    results = []
    for sub in requests:
        try:
            filled = {**sub, "url": _filled(sub.get("url", ""), known)}
            body = _filled(sub.get("body"), known) if request.may_refer else sub.get("body")
        except _UnresolvedError as error:
            answer = _halted(str(error))
        else:
            answer = _execute_one(request, filled, body, execute)
        if not answer.is_failure:
            known[sub["referenceId"]] = answer.body
        results.append((sub, answer))
    return results


def _run_whole(
    request: RestRequest, requests: list[dict[str, Any]], execute: Execute
) -> list[Result]:
    """Carry the sub-requests out; when one fails, none of them has happened.

    A row that a Collections sub-request refuses counts: the outer flag overrides the inner one.
    """
    with request.org.dml.atomic(request.call) as undo:
        results = _run(request, requests, execute)
        if any(answer.is_failure or _has_refused_rows(answer) for _, answer in results):
            undo()
            results = [_rolled_back(item) for item in results]
    return results


def _has_refused_rows(answer: Answer) -> bool:
    rows = answer.body if isinstance(answer.body, list) else ()
    return any(isinstance(row, dict) and row.get("success") is False for row in rows)


def _execute_one(request: RestRequest, sub: dict[str, Any], body: Any, execute: Execute) -> Answer:
    try:
        parts = urlsplit(str(sub.get("url", "")))
    except ValueError:
        return refusal(RequestError(400, "INVALID_INPUT", "url is not a URL"))
    segments = [unquote(segment) for segment in parts.path.split("/")]
    if segments[:3] != ["", "services", "data"] or len(segments) <= _PATH_START:
        return refusal(
            RequestError(400, "INVALID_INPUT", "url must start with /services/data/vXX.X/")
        )
    path = segments[_PATH_START:]
    path = path[:-1] if path[-1] == "" else path
    if path[:1] == ["composite"] and path[1:2] != ["sobjects"]:
        return refusal(RequestError(400, "INVALID_INPUT", "Composite requests cannot be nested"))
    method = str(sub.get("method", "GET")).upper()
    query = dict(parse_qsl(parts.query))
    fault = request.org.faults.for_subrequest(method, parts.path, sobjects_of(path, body))
    if fault is not None:
        return Answer(fault.reply.status, fault.reply.body)
    try:
        return execute(RestRequest(request.org, request.call, method, path, query, body))
    except RequestError as error:
        return refusal(error)


def _subrequests(body: Any, name: str) -> list[dict[str, Any]]:
    requests = body.get(name) if isinstance(body, dict) else None
    if not isinstance(requests, list) or not all(isinstance(item, dict) for item in requests):
        raise malformed_json(f'The body of this call is {{"{name}": [{{…}}]}}')
    if name == "compositeRequest":
        ids = [item.get("referenceId") for item in requests]
        if not all(isinstance(key, str) and key for key in ids) or len(set(ids)) != len(ids):
            raise RequestError(
                400, "INVALID_INPUT", "Every subrequest needs a referenceId of its own"
            )
    return requests


def _check_limits(requests: list[dict[str, Any]]) -> None:
    if len(requests) > MAX_SUBREQUESTS:
        raise RequestError(400, "LIMIT_EXCEEDED", f"At most {MAX_SUBREQUESTS} subrequests")
    heavy = sum(
        "/composite/sobjects" in str(item.get("url", "")) or "/query" in str(item.get("url", ""))
        for item in requests
    )
    if heavy > MAX_COLLECTIONS_OR_QUERIES:
        text = f"At most {MAX_COLLECTIONS_OR_QUERIES} subrequests may be collections or queries"
        raise RequestError(400, "LIMIT_EXCEEDED", text)


def _collated(requests: list[dict[str, Any]], *, may_refer: bool) -> list[dict[str, Any]]:
    """Group independent sub-requests by method and URL, as the platform may since v49.

    A sender that needs its own order must say `"collateSubrequests": false`.
    """
    if may_refer:
        return requests
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for request in requests:
        groups.setdefault((str(request.get("method")), str(request.get("url"))), []).append(request)
    return [request for group in groups.values() for request in group]


def _filled(value: Any, known: dict[str, Any]) -> Any:
    """Replace `@{reference.path}` in every string of a JSON value."""
    if isinstance(value, str):
        return (
            _REFERENCE.sub(lambda match: _resolved(match, known), value)
            if "@{" in value
            else (value)
        )
    if isinstance(value, dict):
        return {name: _filled(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, known) for item in value]
    return value


def _resolved(match: re.Match[str], known: dict[str, Any]) -> str:
    reference, steps = match.groups()
    try:
        value = known[reference]
        for index, name in _STEP.findall(steps):
            value = value[int(index)] if index else value[name]
    except (KeyError, IndexError, TypeError):
        text = f"Invalid reference specified. No value for {match[0][2:-1]} found in {reference}"
        raise _UnresolvedError(text) from None
    return str(value)


def _halted(message: str) -> Answer:
    return Answer(400, [{"errorCode": "PROCESSING_HALTED", "message": message}])


def _rolled_back(result: Result) -> Result:
    request, answer = result
    if answer.is_failure:
        return result
    if _is_collection(answer):
        return request, Answer(answer.status, [_row_rolled_back(row) for row in answer.body])
    text = "The transaction was rolled back since another operation in the same transaction failed."
    return request, _halted(text)


def _is_collection(answer: Answer) -> bool:
    return isinstance(answer.body, list) and all(
        isinstance(row, dict) and "success" in row for row in answer.body
    )


def _row_rolled_back(row: dict[str, Any]) -> dict[str, Any]:
    if row["success"] is False:
        return row
    kept = {name: value for name, value in row.items() if name != "id"}
    return kept | {"success": False, "errors": [ROLLED_BACK.for_record()]}


def _as_json(result: Result) -> dict[str, Any]:
    request, answer = result
    return {
        "body": answer.body,
        "httpHeaders": answer.headers,
        "httpStatusCode": answer.status,
        "referenceId": request["referenceId"],
    }
