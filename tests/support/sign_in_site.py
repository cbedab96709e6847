"""A dashboard with sign-in, and a browser that goes there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from dashboard.app import build_app
from dashboard.server import serve_dashboard
from sandbox.ports import free_port
from stream.config import Role, load_settings

GROUPS = {"dashboard_operator_groups": "operators", "dashboard_reader_groups": "support"}


@asynccontextmanager
async def site(port: int, **settings: Any) -> AsyncIterator[str]:
    """The dashboard without Kafka: who may look can be seen without figures."""
    made = load_settings(
        Role.DASHBOARD,
        env_file=None,
        kafka_bootstrap_servers=f"127.0.0.1:{free_port()}",
        **{**GROUPS, **settings},
    )
    async with serve_dashboard(build_app(made), "127.0.0.1", port) as url:
        yield url


class Browser:
    """Follows one redirect at a time, and keeps cookies."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        """Return status, text and where it leads."""
        url = path if "://" in path else self.url + path
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.get(url, headers=given, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def to_provider(self) -> str:
        """Return the provider's address that the dashboard sends this browser to."""
        status, _, where = await self.get("/login/start")
        assert status == 303
        return where

    async def sign_in(self) -> tuple[int, str]:
        _, _, back = await self.get(await self.to_provider())
        status, text, _ = await self.get(back)
        return status, text

    def cookie(self, name: str) -> Any:
        return next((c for c in self.http.cookie_jar if c.key == name), None)
