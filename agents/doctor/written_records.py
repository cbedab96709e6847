"""Whether the org has what was written last: if nothing of it is there, it is another org.

A refreshed sandbox is a new org (help article "Servers and IDs"), and settings may name production
where they named a sandbox. The topics' states are of the org before: what they know of is
'unchanged', and nobody sends it.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.soql import id_lists
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import SALESFORCE_ID
from schemas.result import Outcome, read_result
from stream.config import Settings
from stream.errors import BrokerError, SettingsError
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import OffsetRange

LAST_RESULTS = 20  # of each partition
MOST_IDS = 100

Written = tuple[str, tuple[str, ...]]  # sObject, ids


async def last_written(settings: Settings) -> Written:
    """Return the sObject that the last results name most often, with the ids; none: ('', ())."""
    ids: dict[str, dict[str, None]] = {}
    try:
        async with PassingReader(settings) as reader:
            spans, _silent = await reader.known_spans([settings.topics.results])
            async for batch in reader.read([_last(span) for span in spans]):
                for record in batch:
                    for sobject, record_id in _ids(record.value).items():
                        ids.setdefault(sobject, {})[record_id] = None
    except (BrokerError, SettingsError):
        return "", ()  # the checks of the cluster say why
    if not ids:
        return "", ()
    sobject = max(ids, key=lambda name: len(ids[name]))
    return sobject, tuple(ids[sobject])[-MOST_IDS:]


async def count_there(client: OrgClient, sobject: str, ids: Sequence[str]) -> int | None:
    """Return how many records the org has, the Recycle Bin's included; None: it does not say."""
    found = 0
    try:
        for part in id_lists(ids):
            soql = f"SELECT Id FROM {sobject} WHERE Id IN ({', '.join(part)})"  # noqa: S608 - quoted
            async for _record in client.query(soql, with_deleted=True):
                found += 1
    except SalesforceError:
        return None
    return found


def _last(span: OffsetRange) -> OffsetRange:
    start = max(span.start, span.end - LAST_RESULTS)
    return OffsetRange(span.topic, span.partition, start, span.end, span.log_start)


def _ids(value: bytes | None) -> dict[str, str]:
    try:
        read = read_result(value)
    except (orjson.JSONDecodeError, ValueError):
        return {}
    told = read.get("salesforce_ids") or {}
    if read["outcome"] != Outcome.SYNCED:
        return {}
    return {
        sobject: record_id
        for sobject, record_id in told.items()
        if sobject.isidentifier() and SALESFORCE_ID.fullmatch(str(record_id))
    }
