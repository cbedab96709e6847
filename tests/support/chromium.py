"""The machine's own Chromium, headless, driven through the DevTools protocol; skips without one."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)
DESKTOP, PHONE = (1280, 900), (375, 812)


def chromium_path() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    return found


@asynccontextmanager
async def open_browser() -> AsyncIterator[Any]:
    """A browser with a profile of its own."""
    path = chromium_path()
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_page(
    browser: Any, *, size: tuple[int, int] = DESKTOP, scheme: str = "light"
) -> AsyncIterator[Any]:
    """A page in a context of its own; `page.complaints` collects errors of script and policy."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
    )
    page = await context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: page.complaints.append(message.text) if message.type == "error" else None,
    )
    try:
        yield page
    finally:
        await context.close()


async def log_in(page: Any, url: str, name: str, password: str) -> None:
    await page.goto(f"{url}/login")
    await page.fill("[name=name]", name)
    await page.fill("[name=password]", password)
    await page.click("text=Log in")
    await page.wait_for_url(f"{url}/")
