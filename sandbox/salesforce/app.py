"""The HTTP side of the simulated org: REST calls, one door, in the order a real edge works.

```
read → version → session → fault? → daily limit → wait → carry out → wait → spoil? → answer
```
The wait is split around the write, so that a client that gives up half way cannot know whether it
happened, as with a real org.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from typing import Any
from urllib.parse import unquote

import orjson
from aiohttp import web

from sandbox.salesforce import routes as rest
from sandbox.salesforce.errors import RequestError, malformed_json, not_found
from sandbox.salesforce.faults import contention
from sandbox.salesforce.faults.faultkinds import SPOILT
from sandbox.salesforce.faults.faults import Fault
from sandbox.salesforce.faults.spoil import cut, send_reply, spoilt, stall, truncate
from sandbox.salesforce.messages import translate
from sandbox.salesforce.oauth import Sessions
from sandbox.salesforce.org import CURRENT_VERSION, OLDEST_VERSION, Org
from sandbox.salesforce.records.dml import Call
from sandbox.salesforce.rest import callnames, limits
from sandbox.salesforce.rest.answer import Answer, RestRequest, refusal

ORG = web.AppKey("org", Org)
SESSIONS = web.AppKey("sessions", Sessions)
PUBLIC_URL = web.AppKey("public_url", str)

MAX_URI_BYTES = 16_384  # REST API guide, "Status Codes and Error Responses": 414 beyond
_VERSION = re.compile(r"v(\d{2})\.0")
_PATH_START = 4  # "", "services", "data", "vXX.X"
_ALLOW_SAVE = re.compile(r"allowSave\s*=\s*true", re.IGNORECASE)
_JSON = "application/json;charset=UTF-8"
_CSV = "text/csv"
_JITTER = random.Random(0)


async def serve_versions(_request: web.Request) -> web.Response:
    """GET /services/data: needs no session and carries no usage header."""
    return web.Response(body=orjson.dumps(limits.versions()), content_type="application/json")


async def serve_rest(request: web.Request) -> web.StreamResponse:
    """Answer any call below /services/data/vXX.0."""
    org, began = request.app[ORG], time.monotonic()
    path = [unquote(part) for part in request.rel_url.raw_path.split("/")[_PATH_START:]]
    path = path[:-1] if path and path[-1] == "" else path
    name = callnames.name_of(request.method, path)
    call = org.new_call()
    status: int | str = "cut"
    with org.counts.running(call.id):
        try:
            response = await _answer(request, org, call, path)
            status = response.status
            return response
        finally:
            org.counts.note(call_id=call.id, name=name, status=status, rows=call.rows, began=began)


async def _answer(
    request: web.Request, org: Org, call: Call, path: list[str]
) -> web.StreamResponse:
    raw = await request.read()
    if len(request.raw_path) > MAX_URI_BYTES:
        text = "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>"
        return web.Response(status=414, text=text, content_type="text/html")
    if (left := _left_instance(request, org)) is not None:
        return left
    try:
        call.api_version = _api_version(request)
        call.base = f"/services/data/v{call.api_version:.1f}"
        header = request.headers.get("Authorization", "")
        request.app[SESSIONS].check(header, org.now().timestamp())
        body = _parsed(request, raw)
        wanted = RestRequest(org, call, request.method, path, dict(request.query), body)
        wanted.may_refer = b"@{" in raw
        return await _carry_out(request, wanted)
    except RequestError as error:
        return _response(org, refusal(error))


async def _carry_out(request: web.Request, wanted: RestRequest) -> web.StreamResponse:
    """Wait, write, wait, and answer, or do of it what an armed fault leaves."""
    org, call, body = wanted.org, wanted.call, wanted.body
    sobjects = callnames.sobjects_of(wanted.path, body)
    fault = org.faults.for_call(request.method, request.path, sobjects)
    seconds = _latency_seconds(org, request, sobjects, body)
    is_applied = fault is None or fault.reply.is_applied or fault.kind in _APPLIED
    if is_applied:
        limits.spend_call(org.settings, org.counts)
    call.allow_duplicates = bool(
        _ALLOW_SAVE.search(request.headers.get("Sforce-Duplicate-Rule-Header", ""))
    )
    key_field = wanted.path[-1] if wanted.path else ""
    with org.in_flight.hold(contention.keys_of(body, key_field)) as busy:
        call.busy = busy if org.settings.lock_contention else frozenset()
        ends_at = time.monotonic() + seconds
        await _sleep(seconds / 2)
        answer = _executed(wanted) if is_applied else Answer(200)
        await _sleep(ends_at - time.monotonic())
    if fault is None:
        return _response(org, answer)
    return await _faulty(request, org, fault, answer, body)


def _executed(wanted: RestRequest) -> Answer:
    """Carry the call out, in one go: its writes are in the history before anybody hears of them."""
    try:
        return rest.execute(wanted)
    except RequestError as error:
        return refusal(error)
    finally:
        wanted.org.finish(wanted.call)


_APPLIED = frozenset({"cut_after", "stall_after", "truncated", *SPOILT}) - {"created_not_success"}


async def _faulty(
    request: web.Request, org: Org, fault: Fault, answer: Answer, body: Any
) -> web.StreamResponse:
    """Answer as the fault says."""
    headers = _usage(org, answer)
    if fault.kind in ("cut_before", "cut_after"):
        return cut(request)
    if fault.kind in ("stall_before", "stall_after"):
        return await stall(request, float(fault.spec.get("seconds", 3600.0)))
    if fault.kind in SPOILT:
        return _response(org, Answer(answer.status, spoilt(fault.kind, answer.body, body)))
    if fault.kind == "truncated":
        return await truncate(request, orjson.dumps(answer.body), headers)
    return send_reply(fault.reply, headers)


def _left_instance(request: web.Request, org: Org) -> web.Response | None:
    """Return what the host answers that the org has moved away from, None at the right one."""
    host = org.settings.instance_host
    if not host or request.host.partition(":")[0] == host:
        return None
    if org.settings.left_instance == "redirect":
        target = f"{request.scheme}://{host}:{request.host.partition(':')[2]}{request.path_qs}"
        return web.Response(status=301, headers={"Location": target})
    text = "<html><body><h1>URL No Longer Exists</h1></body></html>"
    return web.Response(status=404, text=text, content_type="text/html")


def _response(org: Org, answer: Answer) -> web.Response:
    headers = _usage(org, answer) | answer.headers
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    if isinstance(answer.body, bytes):
        return web.Response(
            status=answer.status, body=answer.body, headers=headers | {"Content-Type": _CSV}
        )
    language = org.settings.language
    body = answer.body if language == "en_US" else translate(answer.body, language)
    response = web.Response(
        status=answer.status, body=orjson.dumps(body), headers=headers | {"Content-Type": _JSON}
    )
    if org.settings.gzip:
        response.enable_compression()
    return response


def _usage(org: Org, answer: Answer) -> dict[str, str]:
    if answer.is_failure and not org.settings.limit_info_on_errors:
        return {}
    return {limits.LIMIT_HEADER: limits.limit_info(org.settings)}


def _api_version(request: web.Request) -> float:
    match = _VERSION.fullmatch(request.match_info["version"])
    if match is None or not OLDEST_VERSION <= float(match[1]) <= CURRENT_VERSION:
        raise not_found()
    if float(match[1]) < request.app[ORG].settings.retired_below:
        raise RequestError(410, "GONE", "The requested API version is retired")
    return float(match[1])


def _parsed(request: web.Request, raw: bytes) -> Any:
    """Return the JSON of the body; CSV and absent bodies stay as they are."""
    if not raw:
        return None
    if request.content_type == _CSV or request.content_type.startswith("multipart/"):
        return raw
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        text = f"{error.msg} at [line:{error.lineno}, column:{error.colno}]"
        raise malformed_json(text) from None


def _latency_seconds(org: Org, request: web.Request, sobjects: set[str], body: Any) -> float:
    settings = org.settings
    milliseconds = settings.latency_ms + _JITTER.random() * settings.latency_jitter_ms
    milliseconds += org.faults.extra_latency_ms(request.method, request.path, sobjects)
    if settings.latency_per_row_ms and isinstance(body, dict):
        milliseconds += settings.latency_per_row_ms * _row_count(body)
    return milliseconds / 1000


def _row_count(body: dict[str, Any]) -> int:
    subrequests = body.get("compositeRequest")
    inside = [item.get("body") for item in subrequests or () if isinstance(item, dict)]
    records = body.get("records")
    own = len(records) if isinstance(records, list) else 0
    return own + sum(_row_count(item) for item in inside if isinstance(item, dict))


async def _sleep(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)
