"""The HTTP side of OAuth: token, authorize, revoke, and who the session belongs to."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlencode, urlsplit

import orjson
from aiohttp import web

from sandbox.salesforce.app import ORG, PUBLIC_URL, SESSIONS
from sandbox.salesforce.faults.spoil import cut, send_reply, stall
from sandbox.salesforce.oauth import ORG_ID, USER_ID, OAuthError

_DENIED = {"error": "access_denied", "error_description": "end-user denied authorization"}


async def serve_token(request: web.Request) -> web.StreamResponse:
    """POST /services/oauth2/token."""
    org, began = request.app[ORG], time.monotonic()
    form = {key: str(value) for key, value in (await request.post()).items()}
    form = dict(request.query) | form
    org.counts.token_calls += 1
    fault = org.faults.for_login(request.path)
    milliseconds = org.settings.latency_ms + org.faults.extra_latency_ms(
        request.method, request.path, set(), must_name_path=True
    )
    await asyncio.sleep(milliseconds / 1000)
    if fault is not None:
        if fault.kind.startswith("cut"):
            return cut(request)
        if fault.kind.startswith("stall"):
            return await stall(request, float(fault.spec.get("seconds", 3600.0)))
        return send_reply(fault.reply, {})
    status, body = _token_answer(request, form)
    org.counts.note(
        call_id=org.counts.next_call_id(), name="POST token", status=status, rows=0, began=began
    )
    return _json(body, status)


def _token_answer(request: web.Request, form: dict[str, str]) -> tuple[int, dict[str, object]]:
    org = request.app[ORG]
    refusal = org.faults.auth_refusal()
    if refusal is not None:
        return 400, dict(refusal)
    basic = request.headers.get("Authorization", "")
    try:
        now = org.now().timestamp()
        session = request.app[SESSIONS].token(form, basic, own_url(request), now)
    except OAuthError as error:
        return error.status, dict(error.body())
    place = {"instance_url": instance_url(request)}
    return 200, session | place | {"issued_at": str(int(now * 1000))}


async def serve_authorize(request: web.Request) -> web.Response:
    """GET /services/oauth2/authorize: approves at once and sends the browser back."""
    org, query = request.app[ORG], request.query
    try:
        code = request.app[SESSIONS].authorize(query, org.now().timestamp())
        answer = {"code": code} if org.faults.auth_refusal() is None else dict(_DENIED)
    except OAuthError as error:
        if not query.get("redirect_uri") or error.error == "invalid_client_id":
            return _json(error.body(), error.status)
        answer = error.body()
    if "state" in query:
        answer["state"] = query["state"]
    target = query["redirect_uri"]
    joint = "&" if "?" in target else "?"
    return web.Response(status=302, headers={"Location": f"{target}{joint}{urlencode(answer)}"})


async def serve_revoke(request: web.Request) -> web.Response:
    """POST or GET /services/oauth2/revoke."""
    form = dict(request.query) | {k: str(v) for k, v in (await request.post()).items()}
    request.app[SESSIONS].revoke(form.get("token", ""))
    return web.Response(status=200)


async def serve_identity(request: web.Request) -> web.Response:
    """GET /id/{org}/{user} and /services/oauth2/userinfo."""
    org, url = request.app[ORG], own_url(request)
    now = org.now().timestamp()
    request.app[SESSIONS].check(request.headers.get("Authorization", ""), now)
    username = request.app[SESSIONS].app.username
    version = "{version}"
    return _json(
        {
            "id": f"{url}/id/{ORG_ID}/{USER_ID}",
            "asserted_user": True,
            "user_id": USER_ID,
            "organization_id": ORG_ID,
            "username": username,
            "preferred_username": username,
            "display_name": "Simulated User",
            "email": username,
            "active": True,
            "urls": {
                "rest": f"{url}/services/data/v{version}/",
                "sobjects": f"{url}/services/data/v{version}/sobjects/",
                "query": f"{url}/services/data/v{version}/query/",
            },
        },
        200,
    )


def own_url(request: web.Request) -> str:
    """Return where clients reach this org: the configured URL, else the one they used."""
    return request.app[PUBLIC_URL] or f"{request.scheme}://{request.host}"


def instance_url(request: web.Request) -> str:
    """Return where data calls go: the URL of this org, at the host it has moved to."""
    url, host = own_url(request), request.app[ORG].settings.instance_host
    parts = urlsplit(url)
    return url if not host else f"{parts.scheme}://{host}:{parts.port}"


def _json(body: object, status: int) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
