"""What a request may be before anybody looks into it: per route, the same rules on every server.

| check | answer |
|---|---|
| a Host that is none: what is made of it later would be an error of ours | 400 |
| a body where the route takes none, or a larger one than it takes | 413 |
| a compressed body: its size says nothing about what it becomes | 415 |
| a form that is none: another content type, another charset than UTF-8 | 415 |
| a form that cannot be read: not UTF-8, too many fields | 400 |
| a body that does not arrive in time | 408 |
| a body whose sender hangs up | 400, which nobody reads |
| a handler that takes longer than the route allows | 503 |

Nothing is read before the handler (or the login) asks for it.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from multidict import MultiDict, MultiDictProxy

from stream.http.guarded_connection import GuardedConnection

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Form = MultiDictProxy[str]

REQUEST_SECONDS = 10.0
WORK_SECONDS = 120.0
FORM_BYTES = 64 * 1024
FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 1_000
# A longer form is parsed in a thread, so that nobody else waits for it.
LONG_FORM_BYTES = 256 * 1024
# Names of containers have an underscore; names beyond ASCII come as punycode.
HOST = re.compile(r"(?:\w[\w.-]{0,252}|\[[\da-fA-F:.]{2,45}\])(?::\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RouteLimit:
    """What one route takes. `work_seconds` is infinite for streams."""

    max_body_bytes: int = 0
    work_seconds: float = WORK_SECONDS


NO_BODY = RouteLimit()
FORM_LIMIT = RouteLimit(FORM_BYTES)
STREAM = RouteLimit(work_seconds=math.inf)
LIMIT = web.RequestKey("limit", RouteLimit)
# Path as the route is written → its limit, where it is another one than of its method.
RouteTable = Mapping[str, RouteLimit]


def limit_of(method: str, route: str, table: RouteTable) -> RouteLimit:
    """Return the limit of a route: its own, else a form for what is posted, else no body."""
    by_method = FORM_LIMIT if method == hdrs.METH_POST else NO_BODY
    return table.get(f"{method} {route}", by_method)


def admission(table: RouteTable) -> Middleware:
    """Return the middleware that holds every request to the limit of its route."""

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        limit = limit_of(request.method, resource.canonical if resource else "", table)
        request[LIMIT] = limit
        _check_head(request, limit)
        if isinstance(request.protocol, GuardedConnection):
            request.protocol.work_seconds = limit.work_seconds
        if math.isinf(limit.work_seconds):
            return await handler(request)
        try:
            async with asyncio.timeout(limit.work_seconds) as allowed:
                return await handler(request)
        except TimeoutError:
            if not allowed.expired():
                raise
            raise web.HTTPServiceUnavailable(text="This took too long.") from None

    return admit


def _check_head(request: web.Request, limit: RouteLimit) -> None:
    if not _has_plain_host(request):
        raise _closing(web.HTTPBadRequest(text="The Host header names no host."))
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise _closing(web.HTTPUnsupportedMediaType(text="Send the body uncompressed."))
    has_body = request.can_read_body
    if has_body and max(request.content_length or 1, 1) > limit.max_body_bytes:
        raise too_large(limit)


def _has_plain_host(request: web.Request) -> bool:
    host = request.headers.get(hdrs.HOST)
    if host is None:  # probes of HTTP/1.0
        return True
    try:
        return HOST.fullmatch(host) is not None and request.url.host is not None
    except ValueError:
        return False  # an impossible port, a broken punycode


async def read_form(request: web.Request) -> Form:
    """Return the fields of a posted form; raises the HTTP errors of the table."""
    charset = (request.charset or "utf-8").lower()
    if request.content_type != FORM_TYPE or charset not in ("utf-8", "utf8"):
        raise _closing(web.HTTPUnsupportedMediaType(text=f"Send a form as {FORM_TYPE}, UTF-8."))
    raw = await read_body(request)
    try:
        if len(raw) > LONG_FORM_BYTES:
            return await asyncio.to_thread(_parsed, raw)
        return _parsed(raw)
    except ValueError:
        raise web.HTTPBadRequest(text="The form cannot be read.") from None


async def read_body(request: web.Request) -> bytes:
    """Return the body within the limit of its route and the time of a request."""
    limit = request[LIMIT]
    protocol = request.protocol
    began = protocol.since if isinstance(protocol, GuardedConnection) else request.loop.time()
    body = bytearray()
    try:
        async with asyncio.timeout_at(began + REQUEST_SECONDS):
            while chunk := await request.content.readany():
                if len(body) + len(chunk) > limit.max_body_bytes:
                    raise too_large(limit)
                body += chunk
    except TimeoutError:
        raise _closing(web.HTTPRequestTimeout(text="The body did not arrive in time.")) from None
    except (web.RequestPayloadError, ConnectionError):
        raise _closing(web.HTTPBadRequest(text="The body is not what its headers say.")) from None
    return bytes(body)


def too_large(limit: RouteLimit) -> web.HTTPException:
    text = f"The body is larger than {limit.max_body_bytes} bytes."
    return _closing(
        web.HTTPRequestEntityTooLarge(max_size=limit.max_body_bytes, actual_size=0, text=text)
    )


def _closing(error: web.HTTPException) -> web.HTTPException:
    """Mark an answer as the last of its connection: what still comes is not worth reading."""
    error.force_close()
    return error


def _parsed(raw: bytes) -> Form:
    pairs = parse_qsl(
        raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
    )
    return MultiDictProxy(MultiDict(pairs))


def is_bad_input(error: BaseException) -> bool:
    """Whether an exception says that what came in cannot be used, and not that we are broken."""
    return isinstance(error, ValueError | OverflowError)
