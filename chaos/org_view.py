"""What the simulated org holds and remembers, read over its back door into the judge's terms."""

from __future__ import annotations

from datetime import datetime

from chaos.verdict import OrgMemory
from sandbox.magento.numbered import STARTS_AT, version_of
from sandbox.org_remote import OrgRemote

ORDER, NUMBER = "Opportunity", "Magento_Order_ID__c"
SECONDS_OF_STAMP = 19  # 2026-01-01T00:00:01 of 2026-01-01T00:00:01.000+0000


async def held_versions(org: OrgRemote) -> dict[str, int]:
    """Return order → the version the org holds, by the time stamp that was written with it."""
    digests = await org.digests(ORDER)
    return {item["key"]: _version(item["version"]) for item in digests if item["version"]}


async def held_amounts(org: OrgRemote) -> dict[str, int]:
    """Return the same by what was written: dearer, and right whatever the time stamps say."""
    records = await org.records(ORDER)
    return {record[NUMBER]: version_of(record["Amount"]) for record in records}


async def memory_of(org: OrgRemote) -> OrgMemory:
    """Return everything the judge needs to know of the org."""
    history = await org.history(ORDER, "")
    digests = await org.digests()
    summary = await org.summary()
    orders = [item for item in digests if item["sobject"] == ORDER]
    return OrgMemory(
        held=await held_amounts(org),
        writes=[
            (write["external_id"], version_of(write["fields"]["Amount"]))
            for write in history
            if "Amount" in write["fields"]
        ],
        duplicates=len(summary["duplicates"]) + summary["created_again"],
        redundant=sum(item["redundant"] for item in orders),
        stale_of_customers=summary["stale_writes"] - sum(item["stale"] for item in orders),
        is_complete=summary["history_dropped"] == 0,
    )


def _version(stamp: str) -> int:
    at = datetime.fromisoformat(stamp[:SECONDS_OF_STAMP]).replace(tzinfo=STARTS_AT.tzinfo)
    return round((at - STARTS_AT).total_seconds())
