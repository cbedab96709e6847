"""The local page that Salesforce sends the browser back to: takes one answer, its own, and is gone.

Any page in the browser can make it open this address, so an answer without the `state` of the login
that waits is refused, and the login goes on waiting.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiohttp import web

from stream.http.app_server import app_server
from stream.http.route_limits import admission

PATH = "/OauthRedirect"
MAX_CONNECTIONS = 16
PAGE = "<!doctype html><meta charset=utf-8><title>orderstream</title><p>{text}</p>"
FOREIGN = "This is not the answer to the login that waits in the terminal."
HEADERS = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store"}


class LoginCallback:
    """A page that waits for a browser. `redirect_uri` is what the app must allow."""

    def __init__(self, state: str) -> None:
        self.redirect_uri = ""
        self._state = state.encode()
        self._answer: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def wait(self, seconds: float) -> dict[str, str] | None:
        """Return the query the browser came back with, or None when it did not in time."""
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(self._answer)
        except TimeoutError:
            return None

    async def page(self, request: web.Request) -> web.Response:
        """Take the answer with our state; anybody else's changes nothing."""
        query = dict(request.query)
        if not hmac.compare_digest(query.get("state", "").encode(errors="replace"), self._state):
            return _page(FOREIGN, status=400)
        if not self._answer.done():
            self._answer.set_result(query)
        text = "Salesforce said no." if "error" in query else "Done."
        return _page(f"{text} Go back to the terminal.")


@asynccontextmanager
async def login_callback(port: int, state: str) -> AsyncIterator[LoginCallback]:
    """Listen on 127.0.0.1, port 0 for any free one. Raises OSError when it is taken."""
    callback = LoginCallback(state)
    app = web.Application(middlewares=[admission({})])
    app.router.add_get(PATH, callback.page)
    async with app_server(
        app, "127.0.0.1", port, name="login", max_connections=MAX_CONNECTIONS
    ) as url:
        # Salesforce allows plain http for the name localhost, not for its address.
        callback.redirect_uri = f"http://localhost:{urlsplit(url).port}{PATH}"
        yield callback


def _page(text: str, *, status: int = 200) -> web.Response:
    body = PAGE.format(text=text)
    return web.Response(text=body, status=status, content_type="text/html", headers=HEADERS)
