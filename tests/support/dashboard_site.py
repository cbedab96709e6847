"""The dashboard in this process, and a visitor who reads its pages and fills in its forms."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from html import unescape
from typing import Any

import aiohttp

from dashboard.app import build_app
from dashboard.server import serve_dashboard
from dashboard.site.state import STATE, SiteState
from stream.config import Settings

OPERATOR, READER = "the-operators-0123456789", "the-readers-0123456789ab"
TAG = re.compile(r"<[^>]+>")


class Visitor:
    """A browser without a screen: keeps cookies, follows redirects only when told to."""

    def __init__(self, url: str, state: SiteState) -> None:
        self.url = url
        self.state = state
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        async with self.http.get(self.url + path, allow_redirects=False, **options) as answer:
            return answer.status, await answer.text()

    async def post(
        self, path: str, fields: dict[str, str], *, origin: str | None = None
    ) -> tuple[int, str]:
        """Post a form as a browser does; returns the status and the page, or where it leads to."""
        headers = {"Origin": self.url if origin is None else origin}
        async with self.http.post(
            self.url + path, data=fields, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()

    async def log_in(self, password: str = OPERATOR, name: str = "Ann") -> Visitor:
        status, where = await self.post("/login", {"name": name, "password": password})
        assert (status, where) == (303, "/")
        return self

    async def fill(self, page: str, action: str, fields: dict[str, str]) -> tuple[int, str]:
        """Fill in the form of a page that posts to an action, with what it carries hidden."""
        status, html = await self.get(page)
        assert status == 200
        return await self.post(action, hidden_fields(html, action) | fields)

    async def text(self, path: str) -> str:
        """The words of a page."""
        status, html = await self.get(path)
        assert status == 200, html
        return words(html)

    async def until(
        self, what: Callable[[], Awaitable[Any] | Any], *, timeout_seconds: float = 30
    ) -> Any:
        deadline = time.monotonic() + timeout_seconds
        while True:
            found = what()
            found = await found if isinstance(found, Awaitable) else found
            if found:
                return found
            assert time.monotonic() < deadline, "it did not come true in time"
            await asyncio.sleep(0.05)

    async def letters(self, count: int) -> None:
        """Return when the pages know of so many open letters."""
        await self.until(lambda: len(self.state.watch.shelf) == count)

    async def worked_out(self, where: str) -> str:
        """Return the page of a dry run when it is done."""
        draft = self.state.drafts.find(where.rpartition("/")[2])
        await self.until(lambda: draft.is_done)
        assert not draft.problem
        return await self.text(where)


def hidden_fields(html: str, action: str) -> dict[str, str]:
    form = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', html, re.DOTALL)
    assert form, f"no form posts to {action}"
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[1])
    return {name: unescape(value) for name, value in found}


def words(html: str) -> str:
    return " ".join(unescape(TAG.sub(" ", html)).split())


def dashboard_settings(make_settings: Callable[..., Settings], **more: Any) -> Settings:
    passwords = {
        "dashboard_operator_password": OPERATOR,
        "dashboard_reader_password": READER,
    }
    return make_settings(**passwords, **more)


@asynccontextmanager
async def open_site(settings: Settings) -> AsyncIterator[Callable[[], Visitor]]:
    """Serve the dashboard on a free port; yields what makes visitors."""
    app = build_app(settings)
    visitors: list[Visitor] = []
    async with serve_dashboard(app, "127.0.0.1", 0) as url:

        def visitor() -> Visitor:
            visitors.append(Visitor(url, app[STATE]))
            return visitors[-1]

        try:
            yield visitor
        finally:
            for one in visitors:
                await one.http.close()
