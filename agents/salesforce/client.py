"""The one place that talks to Salesforce: an async face over blocking calls in threads.

One method per kind of call; every failure of a whole call is a SalesforceError with its kind. A 401
gets one new token (single-flight, shared by all callers) and one repetition; the headers of the
first try go along. Nothing else is repeated here: pacing and retries belong to the dispatcher.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from agents.salesforce.composite import Collection, CollectionAnswer
from schemas.salesforce import Row, RowResult

CheckAlive = Callable[[], None]


class SalesforceClient(Protocol):
    """What the rest of the agents know of Salesforce. `OrgClient` is the real one.

    `check_alive` is called in a worker thread right before each HTTP request and may raise.
    """

    async def composite(
        self, collections: Sequence[Collection], *, check_alive: CheckAlive | None = None
    ) -> list[CollectionAnswer]:
        """Write one to five collections in order with ONE API call; one answer each, in order.

        Raises SalesforceError when the call as a whole failed, ValueError for an empty or too
        long list.
        """
        ...

    async def upsert_bulk(
        self,
        sobject: str,
        external_id_field: str,
        rows: Sequence[Row],
        *,
        check_alive: CheckAlive | None = None,
    ) -> list[RowResult]:
        """Write rows of one sObject by Bulk API 2.0; returns when every row's result is known."""
        ...

    async def describe(self, sobject: str) -> dict[str, Any]:
        """Return `describe` of an sObject as Salesforce sends it."""
        ...

    async def limits(self) -> dict[str, Any]:
        """Return `/limits`, e.g. `{"DailyApiRequests": {"Max": …, "Remaining": …}}`."""
        ...

    def query(self, soql: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the records of a query, page by page."""
        ...
