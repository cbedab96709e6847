"""Magento's REST client: reads only, signed, at a rate, with deadlines, again when it must.

Nothing that comes back is trusted: not the size, not that it is JSON, not that the items are
documents. Redirects are not followed, because a signature is for one address and the token must
not travel to another.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import orjson
import structlog
from aiolimiter import AsyncLimiter
from yarl import URL

from stream.backoff import Backoff
from stream.errors import MagentoError
from stream.magento.criteria import Resource, Search
from stream.magento.refusals import refusal
from stream.magento.signing import Authorize, authorizer
from stream.ops import metrics
from stream.settings.magento import MagentoSettings

log = structlog.get_logger()

OK = 200
REPEAT = Backoff(first_seconds=1.0, cap_seconds=30.0)
MAX_ANSWER_BYTES = 256 * 1024 * 1024  # 100 orders of 250 configurable lines are 156 MB
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search: the documents, and how many the store says match in all.

    The store loads a page, completes each order, and counts then: what is saved meanwhile and
    leaves the search is on the page and no longer in `total`. So a page that `is_full`, having as
    many as were asked for, is never known to be the last.
    """

    items: list[dict[str, Any]]
    total: int
    is_full: bool = False

    @property
    def is_last(self) -> bool:
        return not self.is_full and self.total <= len(self.items)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is repeated, and how long it waits: full jitter under a doubling cap."""

    attempts: int = 6
    backoff: Backoff = REPEAT
    jitter: Callable[[], float] = random.random

    def wait_seconds(self, attempt: int, retry_after: str) -> float:
        """Return the pause after attempt 1, 2, …; what the store asks for counts, up to the cap."""
        if retry_after.strip().isdecimal():
            return min(float(retry_after), self.backoff.cap_seconds)
        return self.backoff.drawn_seconds(attempt, self.jitter())


class MagentoRest:
    """One store's REST API. Use `open_magento`; calls share the rate."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        root: str,
        authorize: Authorize,
        *,
        calls_per_second: float,
        patience: Patience | None = None,
    ) -> None:
        self._session = session
        self._root = root.rstrip("/")
        self._authorize = authorize
        self._limiter = AsyncLimiter(max(1.0, calls_per_second), max(1.0, 1 / calls_per_second))
        self._patience = patience or Patience()
        self._most_per_page: int | None = None
        self._has_answered = False
        self.calls = 0

    async def search(self, resource: Resource, search: Search) -> SearchPage:
        """Return the first page of a search; in smaller pages when the store asks for them.

        Raises MagentoError.
        """
        while True:
            size = min(search.page_size, self._most_per_page or search.page_size)
            try:
                url = f"{self._root}/{resource.value}?{replace(search, page_size=size).query()}"
                return await self._page(url, size)
            except MagentoError as error:
                if not 0 < error.most_rows < size:
                    raise
                self._most_per_page = error.most_rows
                log.warning("magento_page_size_lowered", rows=self._most_per_page)

    async def _page(self, url: str, size: int) -> SearchPage:
        attempt = 0
        while True:
            attempt += 1
            await self._limiter.acquire()
            retry_after = ""
            try:
                self.calls += 1
                status, body, headers = await self._ask(url)
                found = _found(body, size) if status == OK else None
                if isinstance(found, SearchPage):
                    metrics.MAGENTO_CALLS.labels("ok").inc()
                    self._has_answered = True
                    return found
                retry_after = headers.get("Retry-After", "")
                error = found or refusal(status, body, location=headers.get("Location", ""))
                # Amid good answers it is a maintenance page or a bot check, and no wrong address.
                error.is_lasting &= found is None or not self._has_answered
            except (aiohttp.ClientError, TimeoutError, OSError) as failure:
                what = "no answer in time" if isinstance(failure, TimeoutError) else str(failure)
                error = MagentoError(f"Magento does not answer: {what or type(failure).__name__}")
            metrics.MAGENTO_CALLS.labels(str(error.status or "no_answer")).inc()
            if error.is_lasting or attempt >= self._patience.attempts:
                raise error
            pause = self._patience.wait_seconds(attempt, retry_after)
            log.info("magento_call_repeated", reason=str(error), pause_seconds=round(pause, 2))
            await asyncio.sleep(pause)

    async def _ask(self, url: str) -> tuple[int, bytes, Any]:
        headers = {"Authorization": self._authorize(url), "Accept": "application/json"}
        # Encoded by us: another encoding than the signed one would be another signature.
        target = URL(url, encoded=True)
        async with self._session.get(target, headers=headers, allow_redirects=False) as response:
            body = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise MagentoError(
                        f"an answer of Magento is larger than {MAX_ANSWER_BYTES:,} bytes: lower "
                        "MAGENTO_PAGE_SIZE",
                        is_lasting=True,
                    )
            return response.status, bytes(body), response.headers


@asynccontextmanager
async def open_magento(
    settings: MagentoSettings, *, patience: Patience | None = None
) -> AsyncIterator[MagentoRest]:
    """Open the client of the store in the settings (checked with Role.MAGENTO)."""
    timeout = aiohttp.ClientTimeout(total=settings.magento_timeout_seconds)
    async with aiohttp.ClientSession(
        timeout=timeout, headers={"User-Agent": "orderstream"}
    ) as session:
        yield MagentoRest(
            session,
            settings.magento_base_url.rstrip("/") + "/" + settings.magento_rest_path.strip("/"),
            authorizer(settings),
            calls_per_second=settings.magento_calls_per_second,
            patience=patience,
        )


def _found(body: bytes, size: int) -> SearchPage | MagentoError:
    """Return the page in an answer of 200, or why there is none."""
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return MagentoError(
            f"Magento answers 200 with something that is no JSON ({error}): is "
            "MAGENTO_REST_PATH right, and is there a cache or a maintenance page in between?",
            status=OK,
            is_lasting=True,
        )
    items = read.get("items") if isinstance(read, dict) else None
    total = read.get("total_count") if isinstance(read, dict) else None
    if not isinstance(total, int) or not isinstance(items, list | None):
        return MagentoError(
            "Magento's answer to a search has no items or no total_count",
            status=OK,
            is_lasting=True,
        )
    rows = items or []
    documents = [item for item in rows if isinstance(item, dict)]
    return SearchPage(documents, total, is_full=len(rows) >= size)
