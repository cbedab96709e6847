"""Ruined answers: connections cut or stalled, bodies broken off, results that do not add up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from sandbox.salesforce.faults.faultkinds import Reply


def send_reply(reply: Reply, headers: dict[str, str]) -> web.Response:
    """Return a canned answer: a text body goes out as HTML, anything else as JSON."""
    headers = headers | reply.headers
    if isinstance(reply.body, str):
        return web.Response(
            status=reply.status,
            text=reply.body,
            headers=headers,
            content_type="text/html" if reply.body else "application/json",
        )
    return web.Response(
        status=reply.status,
        body=orjson.dumps(reply.body),
        headers=headers,
        content_type="application/json",
    )


def cut(request: web.Request) -> web.Response:
    """Drop the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def stall(request: web.Request, seconds: float) -> web.Response:
    """Say nothing until the time is over or the client has given up, then drop the connection."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        if request.transport is None or request.transport.is_closing():
            break
        await asyncio.sleep(0.05)
    return cut(request)


async def truncate(
    request: web.Request, payload: bytes, headers: dict[str, str]
) -> web.StreamResponse:
    """Promise the whole body, send half of it, drop the connection."""
    response = web.StreamResponse(headers=headers | {"Content-Type": "application/json"})
    response.content_length = len(payload)
    await response.prepare(request)
    await response.write(payload[: len(payload) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response


def _foreign(results: list[Any]) -> list[Any]:
    """Return results with ids of a sObject that no call writes: users."""
    return [one | {"id": f"005{one['id'][3:]}"} if one.get("id") else one for one in results]


_WRONG: dict[str, Callable[[list[Any]], list[Any]]] = {
    "wrong_length": lambda results: results[:-1],
    "foreign_ids": _foreign,
    "shuffled": lambda results: results[::-1],
}


def spoilt(kind: str, answer: Any, body: Any) -> Any:
    """Return the answer's body made wrong; `body` is the request's, for answers never computed."""
    if kind == "created_not_success":
        return _denied(body)
    if isinstance(answer, list):
        return _WRONG[kind](answer)
    if isinstance(answer, dict) and isinstance(answer.get("compositeResponse"), list):
        subs = [
            sub | {"body": spoilt(kind, sub["body"], None)} for sub in answer["compositeResponse"]
        ]
        return answer | {"compositeResponse": subs}
    return answer


def _denied(body: Any) -> Any:
    """Return success:false, created:true for every record of a request."""
    error = {
        "statusCode": "UNKNOWN_EXCEPTION",
        "message": "An unexpected error occurred.",
        "fields": [],
    }
    denied = {"success": False, "created": True, "errors": [error]}
    if isinstance(body, dict) and isinstance(body.get("compositeRequest"), list):
        return {
            "compositeResponse": [
                {
                    "body": _denied(sub.get("body")),
                    "httpHeaders": {},
                    "httpStatusCode": 200,
                    "referenceId": sub.get("referenceId"),
                }
                for sub in body["compositeRequest"]
            ]
        }
    records = body.get("records") if isinstance(body, dict) else None
    return [denied for _ in records] if isinstance(records, list) else denied
