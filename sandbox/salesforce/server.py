"""Runs a simulated org on a port: in a test's own loop, or as the process of `__main__`."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from pathlib import Path

from aiohttp import hdrs, web

from sandbox.salesforce import admin, login
from sandbox.salesforce.app import (
    MAX_URI_BYTES,
    ORG,
    PUBLIC_URL,
    SESSIONS,
    serve_rest,
    serve_versions,
)
from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.keys import make_key_pair
from sandbox.salesforce.oauth import ConnectedApp, Sessions
from sandbox.salesforce.org import Org
from sandbox.salesforce.settings import Settings

CONSUMER_KEY = "3MVG9.orderstream.simulator"
USERNAME = "integration@orderstream.test"

_PAGE = Path(__file__).parent / "page.html"
_MAX_BODY_BYTES = 150 * 2**20  # a bulk upload: 100 MB, plus a margin for its encoding
_SHUTDOWN_SECONDS = 0.5


@dataclass(slots=True)
class SalesforceOrg:
    """A running org: where it is, how to log in, and its state for tests that look inside."""

    url: str
    consumer_key: str
    client_secret: str = field(repr=False)
    username: str
    private_key_path: Path | None
    org: Org
    sessions: Sessions

    @classmethod
    @asynccontextmanager
    async def serve(
        cls,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        settings: Settings | None = None,
        public_key: str = "",
        key_folder: Path | None = None,
        consumer_key: str = CONSUMER_KEY,
        client_secret: str = "",
        username: str = USERNAME,
        public_url: str = "",
        has_version_field: bool = True,
        has_package: bool = True,
    ) -> AsyncIterator[SalesforceOrg]:
        """Serve an org until the block ends.

        Without `public_key` (PEM) a key pair is made in `key_folder`, or in a folder of its own
        that goes with the org; `private_key_path` then says where the private half is. Without
        `client_secret` a random one is made. Port 0 takes a free one.
        """
        org = Org(
            settings or Settings(), has_version_field=has_version_field, has_package=has_package
        )
        with tempfile.TemporaryDirectory(prefix="salesforce-") as folder:
            private_path = None
            if not public_key:
                private_path, public_path = make_key_pair(key_folder or Path(folder))
                public_key = public_path.read_text()
            secret = client_secret or secrets.token_urlsafe(24)
            app = ConnectedApp(consumer_key, secret, username, public_key)
            sessions = Sessions(app, org.settings)
            runner = web.AppRunner(
                make_app(org, sessions, public_url),
                access_log=None,
                shutdown_timeout=_SHUTDOWN_SECONDS,
                max_line_size=2 * MAX_URI_BYTES,  # what is too long is refused as Salesforce does
            )
            await runner.setup()
            try:
                site = web.TCPSite(runner, host, port)
                await site.start()
                url = public_url or f"http://{host}:{runner.addresses[0][1]}"
                yield cls(url, consumer_key, secret, username, private_path, org, sessions)
            finally:
                org.bulk.cancel()
                await runner.cleanup()


def make_app(org: Org, sessions: Sessions, public_url: str = "") -> web.Application:
    """Return the application; `public_url` replaces the URL clients used in token answers."""
    app = web.Application(
        client_max_size=_MAX_BODY_BYTES, middlewares=[admin.explain_mistakes, refuse_strangers]
    )
    app[ORG], app[SESSIONS], app[PUBLIC_URL] = org, sessions, public_url.rstrip("/")
    app.router.add_get("/", serve_page)
    app.router.add_post("/services/oauth2/token", login.serve_token)
    app.router.add_get("/services/oauth2/authorize", login.serve_authorize)
    app.router.add_route("*", "/services/oauth2/revoke", login.serve_revoke)
    app.router.add_get("/services/oauth2/userinfo", login.serve_identity)
    app.router.add_get("/id/{org}/{user}", login.serve_identity)
    app.router.add_get("/services/data", serve_versions)
    app.router.add_get("/services/data/", serve_versions)
    app.router.add_route("*", "/services/data/{version}", serve_rest)
    app.router.add_route("*", "/services/data/{version}/{rest:.*}", serve_rest)
    admin.add_routes(app)
    app.on_response_prepare.append(_date)
    return app


async def _date(request: web.Request, response: web.StreamResponse) -> None:
    """Date an answer by the org's own clock, as everything in it is."""
    response.headers[hdrs.DATE] = format_datetime(request.app[ORG].now(), usegmt=True)


@web.middleware
async def refuse_strangers(request: web.Request, handler: admin.Handler) -> web.StreamResponse:
    """Give a RequestError outside the REST door (the identity URL) its HTTP answer."""
    try:
        return await handler(request)
    except RequestError as error:
        return web.json_response(error.body(), status=error.status)


async def serve_page(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(_PAGE)
