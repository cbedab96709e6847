"""What a call executor writes through, whichever API carries the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from agents.salesforce.api.composite import Collection, CollectionAnswer
from agents.salesforce.errors.errors import SalesforceError


class RowWriter(Protocol):
    """What a call executor writes through: `OrgClient` by Composite, `BulkWriter` by Bulk jobs."""

    async def composite(self, collections: Sequence[Collection]) -> list[CollectionAnswer]:
        """Write one to five collections in order with ONE API call; one answer each, in order.

        Raises SalesforceError when the call as a whole failed, ValueError for an empty or too
        long list.
        """
        ...

    async def limits(self) -> dict[str, Any]:
        """Return `/limits`, e.g. `{"DailyApiRequests": {"Max": …, "Remaining": …}}`."""
        ...

    async def queries(self, soqls: Sequence[str]) -> list[list[dict[str, Any]] | SalesforceError]:
        """Return what one to five queries find, or why one was refused. Raises SalesforceError."""
        ...
