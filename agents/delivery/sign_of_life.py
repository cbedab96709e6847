"""Does Salesforce answer at all, while a call that has rows in it fails again and again?"""

from __future__ import annotations

from typing import Any, Protocol

from agents.salesforce.errors.error_table import is_sign_of_life
from agents.salesforce.errors.errors import SalesforceError


class AskedForLimits(Protocol):
    """What can be asked something that has no rows in it."""

    async def limits(self) -> dict[str, Any]: ...


async def org_answers(client: AskedForLimits) -> bool:
    """Whether Salesforce answers what has no rows in it, be it with a no of its own.

    A page is a server's in between, which refuses everybody: Salesforce's edge says `Access
    Declined` (400) to who calls too much, and calls for each half of the rows make it worse.
    """
    try:
        await client.limits()
    except SalesforceError as error:
        return is_sign_of_life(error.status) and error.body_kind == "json"
    return True
