"""What the worker of these settings shows on its status page: the host its calls go to."""

from __future__ import annotations

import asyncio
import re

import aiohttp

from stream.settings.worker import WorkerSettings

ANYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound
ASK_SECONDS = 5.0
HOST = re.compile(
    r'^orderstream_salesforce_host\{[^}]*host="([^"]+)"[^}]*\} 1(?:\.0)?$', re.MULTILINE
)


async def worker_host(settings: WorkerSettings) -> str | None:
    """Return the org's host as the running worker knows it; None when there is no page to ask.

    A page without a host is a worker that is not logged in: ''.
    """
    if not settings.status_port:
        return None
    name = "127.0.0.1" if settings.status_host in ANYWHERE else settings.status_host
    page = f"http://{name}:{settings.status_port}/metrics"
    try:
        async with (
            asyncio.timeout(ASK_SECONDS),
            aiohttp.ClientSession() as session,
            session.get(page) as answer,
        ):
            text = await answer.text()
    except (aiohttp.ClientError, OSError, TimeoutError, UnicodeDecodeError):
        return None
    found = HOST.search(text)
    return found[1] if found else ""
