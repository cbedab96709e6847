"""A proxy before the simulated org that answers what a real org would, so that a case is a line.

proxy.answer(lambda call: html(404) if "/services/data" in call.path else None)
proxy.speak("Der Datensatz ist gesperrt.")
proxy.clear()
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from aiohttp import web

HOP = frozenset({"connection", "content-length", "transfer-encoding", "content-encoding"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the product to the org."""

    method: str
    path: str
    body: bytes

    def names(self, text: str) -> bool:
        """Whether the call carries a text, e.g. an order's number."""
        return text.encode() in self.body


@dataclass(frozen=True, slots=True)
class Given:
    """What is answered instead of the org."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Rule = Callable[[Call], Given | None]


def refusal(status: int, code: str, message: str = "x") -> Given:
    """An error as REST has them."""
    body = orjson.dumps([{"errorCode": code, "message": message}])
    return Given(status, body, {"Content-Type": "application/json"})


def html(status: int) -> Given:
    return Given(status, b"<html>Not here</html>", {"Content-Type": "text/html"})


@dataclass
class AnswerProxy:
    """Forwards what no rule answers; counts what the rules answered."""

    org_url: str
    url: str = ""
    answered: int = 0
    _rule: Rule | None = None
    _language: str = ""

    def answer(self, rule: Rule) -> None:
        """Answer by a rule from now on; what it returns None for goes to the org."""
        self._rule = rule

    def speak(self, sentence: str) -> None:
        """Say every message of the org like this: as in the language of another user."""
        self._language = sentence

    def clear(self) -> None:
        self._rule, self._language = None, ""

    async def handle(self, request: web.Request) -> web.Response:
        call = Call(request.method, request.path_qs, await request.read())
        given = self._rule(call) if self._rule else None
        if given is None:
            given = await self._forward(request, call)
        else:
            self.answered += 1
        return web.Response(status=given.status, body=given.body, headers=given.headers)

    async def _forward(self, request: web.Request, call: Call) -> Given:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP}
        async with (
            aiohttp.ClientSession(auto_decompress=True) as session,
            session.request(
                call.method,
                self.org_url + call.path,
                data=call.body,
                headers=headers,
                allow_redirects=False,
            ) as answer,
        ):
            body = await answer.read()
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in HOP}
        return Given(answer.status, self._translated(body), kept)

    def _translated(self, body: bytes) -> bytes:
        if not self._language or not body.strip().startswith((b"[", b"{")):
            return body
        return orjson.dumps(_said(orjson.loads(body), self._language))


def _said(value: Any, sentence: str) -> Any:
    if isinstance(value, list):
        return [_said(entry, sentence) for entry in value]
    if not isinstance(value, dict):
        return value
    is_error = "errorCode" in value or "statusCode" in value
    return {
        name: sentence if is_error and name == "message" else _said(entry, sentence)
        for name, entry in value.items()
    }


@contextlib.asynccontextmanager
async def answer_proxy(org_url: str) -> AsyncIterator[AnswerProxy]:
    """Start a proxy before the org; its address is `proxy.url`."""
    proxy = AnswerProxy(org_url)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    proxy.url = f"http://{host}:{port}"
    try:
        yield proxy
    finally:
        await runner.cleanup()
