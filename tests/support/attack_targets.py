"""Every HTTP server of ours, in this process, without a broker: what attacks are run against."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.commands.login_callback import PATH, login_callback
from dashboard.app import build_app
from dashboard.first_run import build_first_run
from dashboard.server import serve_dashboard
from dashboard.site.state import STATE, SiteState
from sandbox.ports import free_port
from stream.config import Role, load_settings
from stream.ops.status_server import status_server
from support.dashboard_site import OPERATOR, READER
from support.http_wire import Answer, exchange, head
from support.ingress_front import running

# `make attack` sets it; `make test` runs the short form.
ROUNDS = int(os.environ.get("ATTACK_ROUNDS", "150"))
READER_PASSWORD = READER
MOST_CONNECTIONS = 200  # no server under attack takes more
SERVERS = ("ingress", "dashboard", "first run", "status", "login callback")


@dataclass
class Target:
    """A server under attack: where it takes what is posted, and a page that shows it is well."""

    name: str
    url: str
    post_path: str
    page: str
    page_status: int = 200
    state: SiteState | None = None  # of the dashboard

    async def send(self, request: bytes) -> Answer:
        return await exchange(self.url, request)

    async def is_well(self) -> bool:
        answer = await self.send(head("GET", self.page, "Connection: close"))
        return answer.status == self.page_status


@asynccontextmanager
async def _dashboard() -> AsyncIterator[Target]:
    settings = load_settings(
        Role.DASHBOARD,
        env_file=None,
        kafka_bootstrap_servers=f"127.0.0.1:{free_port()}",
        dashboard_operator_password=OPERATOR,
        dashboard_reader_password=READER,
    )
    app = build_app(settings)
    async with serve_dashboard(app, "127.0.0.1", 0) as url:
        yield Target("dashboard", url, "/login", "/livez", state=app[STATE])


@asynccontextmanager
async def open_target(name: str, *, ingress_seconds: float = 1) -> AsyncIterator[Target]:
    """Start one of the servers; `ingress_seconds`: the deadline of a request to the ingress."""
    match name:
        case "ingress":
            async with running(
                ingress_request_timeout_seconds=ingress_seconds,
                ingress_max_connections=MOST_CONNECTIONS,
            ) as front:
                yield Target(name, front.url, "/magento/webhook", "/livez")
        case "dashboard":
            async with _dashboard() as target:
                yield target
        case "first run":
            app = build_first_run(Path("no.env"))
            async with serve_dashboard(app, "127.0.0.1", 0) as url:
                yield Target(name, url, "/", "/", page_status=403)  # of another host
        case "status":
            async with status_server("127.0.0.1", 0, not_ready=lambda: None) as url:
                yield Target(name, url, "/metrics", "/livez")
        case _:
            async with login_callback(0, "the-state") as callback:
                url = callback.redirect_uri.removesuffix(PATH).replace("localhost", "127.0.0.1")
                yield Target(name, url, PATH, PATH, page_status=400)


def post_form(target: Target, path: str, cookie: str, body: bytes) -> bytes:
    """A form as a browser posts it from a page of the target."""
    request = head(
        "POST",
        path,
        f"Origin: {target.url}",
        f"Content-Length: {len(body)}",
        "Content-Type: application/x-www-form-urlencoded",
        cookie,
    ).replace(b"Host: ingress", f"Host: {target.url.removeprefix('http://')}".encode())
    return request + body


async def session_cookie(target: Target, password: str = OPERATOR) -> str:
    """Log in; return the header that says so."""
    form = f"name=Ann&password={password}".encode()
    answer = await target.send(post_form(target, "/login", "X-None: 1", form))
    assert answer.status == 303, answer
    value = next(v for v in answer.cookies if v.startswith("orderstream_session="))
    return f"Cookie: {value.partition(';')[0]}"
