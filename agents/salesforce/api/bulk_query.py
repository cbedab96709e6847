"""Bulk API 2.0 queries: many records for a handful of calls, as rows of text.

Everything comes as CSV: numbers and dates are their text, null is empty. The text of a query may be
100,000 characters long (SOQL limits), six times what a URL carries.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from agents.salesforce.api.bulk import (
    RESULT_HEADERS,
    RUNNING,
    TRANSFER_SECONDS,
    Pace,
    job_failed,
)
from agents.salesforce.api.bulk_csv import read_rows
from agents.salesforce.api.caller import Caller
from agents.salesforce.api.org_session import OrgApi
from agents.salesforce.http.answers import bad_answer

CALLS_PER_QUERY = 5  # create, a few polls, results
LAST_PAGE = ("", "null")
PATIENCE_SECONDS = 1800.0


class BulkQuery:
    """Runs queries as jobs, one after the other, each to its end."""

    def __init__(self, caller: Caller, pace: Pace | None = None) -> None:
        self._caller = caller
        self._pace = pace or Pace(patience_seconds=PATIENCE_SECONDS)

    async def query(self, soql: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the records as text by field name. Raises SalesforceError."""
        job = await self._caller.json("POST", "jobs/query", {"operation": "query", "query": soql})
        job_id = job.get("id") if isinstance(job, dict) else None
        if not isinstance(job_id, str) or not job_id.isalnum():
            raise bad_answer("the answer to a new Bulk query holds no id")
        await self._finished(job_id)
        locator = None
        while locator not in LAST_PAGE:
            rows, locator = await self._page(job_id, locator, soql.casefold())
            for row in rows:
                yield row

    async def _finished(self, job_id: str) -> None:
        deadline = time.monotonic() + self._pace.patience_seconds
        for pause in self._pace.pauses():
            info = await self._caller.json("GET", f"jobs/query/{job_id}")
            state = info.get("state") if isinstance(info, dict) else None
            if state == "JobComplete":
                return
            if not isinstance(state, str):
                raise bad_answer("a Bulk query without state")
            if state not in RUNNING or time.monotonic() > deadline:
                raise job_failed(info)
            await asyncio.sleep(pause)

    async def _page(
        self, job_id: str, locator: str | None, soql: str
    ) -> tuple[list[dict[str, str]], str]:
        more = f"?locator={quote(locator, safe='')}" if locator else ""
        path = f"jobs/query/{job_id}/results{more}"

        def work(org: OrgApi) -> tuple[bytes, Mapping[str, str]]:
            answer = org.send("GET", path, headers=RESULT_HEADERS, timeout_seconds=TRANSFER_SECONDS)
            return answer.content, answer.headers

        body, headers = await self._caller.call(
            "bulk_results", work, timeout_seconds=TRANSFER_SECONDS
        )
        try:
            rows = read_rows(body, lambda names: all(n.casefold() in soql for n in names))
        except ValueError as error:
            raise bad_answer(f"query results are no CSV: {error}", body_kind="text") from None
        told = headers.get("Sforce-NumberOfRecords", "")
        if told.isdecimal() and int(told) != len(rows):  # CSV that was cut between rows is CSV
            raise bad_answer(f"{len(rows)} of {told} query results", body_kind="text")
        return rows, headers.get("Sforce-Locator", "")
