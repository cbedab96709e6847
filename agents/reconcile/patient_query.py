"""Asks Salesforce again through a short outage, as the store is asked.

A comparison of a large store takes an hour and a thousand queries: one 503 among them ended it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from agents.reconcile.org_records import Query
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from stream.backoff import Backoff

ATTEMPTS = 7
BACKOFF = Backoff(first_seconds=1.0, cap_seconds=30.0)  # a minute in all
PASSING = (ErrorKind.TRANSIENT, ErrorKind.CONCURRENCY)


class PatientQuery:
    """A Query whose records come whole: what was read before a page failed is read again."""

    def __init__(
        self, inner: Query, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._inner = inner
        self._sleep = sleep

    async def query(self, soql: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the records of a query. Raises SalesforceError."""
        for record in await self._records(soql):
            yield record

    async def _records(self, soql: str) -> list[dict[str, Any]]:
        for attempt in range(1, ATTEMPTS):
            try:
                return [record async for record in self._inner.query(soql)]
            except SalesforceError as error:
                if error.kind not in PASSING or error.advice:
                    raise
                wish = min(error.retry_after_seconds or 0.0, BACKOFF.cap_seconds)
                await self._sleep(max(wish, BACKOFF.seconds(attempt)))
        return [record async for record in self._inner.query(soql)]
