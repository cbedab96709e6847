"""The one place that talks to Salesforce: an async face over blocking calls in threads.

A failed call is a SalesforceError; but for logins (`caller`) the dispatcher paces and repeats.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from agents.salesforce.api.bulk import BulkUpsert, Pace
from agents.salesforce.api.bulk_query import BulkQuery
from agents.salesforce.api.caller import Caller
from agents.salesforce.api.composite import (
    CUSTOMER_ID_FIELD,
    MAX_COLLECTIONS,
    MAX_ROWS,
    Collection,
    CollectionAnswer,
    collection_body,
    collection_call,
    composite_body,
    dumps,
    read_collection,
    read_composite,
)
from agents.salesforce.api.deploy import Deployer
from agents.salesforce.api.org_session import OrgApi, packed
from agents.salesforce.api.paths import record_path
from agents.salesforce.api.query import (
    QueryPage,
    are_objects,
    queries_body,
    query_path,
    read_page,
    read_queries,
)
from agents.salesforce.api.send_right import asked_before_requests
from agents.salesforce.api.stale_guard import GuardMode, guard_sets, loose_keys, taking
from agents.salesforce.auth.oauth_flows import Token
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import bad_answer, credible, row_results
from agents.salesforce.interrupt import Interrupt
from schemas.salesforce import Row, RowResult

DUPLICATE_RULES = "Sforce-Duplicate-Rule-Header"
Parts = Sequence[tuple[Collection, bytes]]
COLLECTION_REFUSALS = (300, 400, 404)  # a lone collection's own fault, as inside a Composite


class OrgClient:
    """One org: what it is asked, and what is written to it. Lives in one event loop; `close` it."""

    def __init__(
        self,
        caller: Caller,
        *,
        version: str,
        headers: Mapping[str, str],
        is_compressed: bool = False,
        stale_guard: GuardMode = "auto",
        bulk_pace: Pace | None = None,
    ) -> None:
        self._caller = caller
        self._version = version
        self._headers = dict(headers)
        self._is_compressed = is_compressed
        self._stale_guard = stale_guard
        self.guarded = frozenset[str]()  # the sObjects whose rows carry Magento_Updated_At__c
        self.identified = frozenset[str]()  # those with Magento_Customer_ID__c
        self._overrulable = frozenset[str]()
        self._loose = frozenset[tuple[str, str]]()
        self._prefixes: dict[str, str] = {}  # of record ids, by sObject
        self._bulk = BulkUpsert(caller, bulk_pace)
        self.bulk_query = BulkQuery(caller, bulk_pace)
        self.deployer = Deployer(caller)

    @property
    def allows_duplicates(self) -> bool:
        """Whether calls say that duplicates are saved where a rule only alerts."""
        return DUPLICATE_RULES in self._headers

    def is_loose(self, row: Row) -> bool:
        """Whether the org takes several records with the row's key."""
        return (row.sobject, row.external_id_field) in self._loose

    async def guard(self, sobjects: Iterable[str]) -> frozenset[str]:
        """Decide for which sObjects the stale guard is on; `auto` asks `describe` of each."""
        is_asked = self._stale_guard == "auto"
        names = sorted(set(sobjects))
        return self.guard_from({n: await self.describe(n) if is_asked else {} for n in names})

    def guard_from(self, describes: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
        """Decide the same from describe answers that are there already."""
        self.guarded, self._overrulable = guard_sets(self._stale_guard, describes)
        self.identified = taking(describes, CUSTOMER_ID_FIELD)
        self._loose = loose_keys(describes)
        self._prefixes = {name: str(d.get("keyPrefix") or "") for name, d in describes.items()}
        return self.guarded

    async def composite(self, collections: Sequence[Collection]) -> list[CollectionAnswer]:
        if not 1 <= len(collections) <= MAX_COLLECTIONS:
            raise ValueError(f"{len(collections)} collections; 1 to {MAX_COLLECTIONS} fit")
        if any(not 1 <= len(c.rows) <= MAX_ROWS for c in collections):
            raise ValueError(f"a collection holds 1 to {MAX_ROWS} rows")
        answers: list[CollectionAnswer | None] = []
        parts: list[tuple[Collection, bytes]] = []
        for collection in collections:
            try:
                parts.append(
                    (collection, collection_body(collection, self.guarded, self._overrulable))
                )
                answers.append(None)
            except SalesforceError as error:
                answers.append(CollectionAnswer(error=error))
        sent = iter(await self._send_parts(parts))
        return [
            CollectionAnswer(tuple(self._credible(c.sobject, told.results)), told.error)
            if told.results
            else told
            for c, told in zip(collections, (a or next(sent) for a in answers), strict=True)
        ]

    def _credible(self, sobject: str, results: Sequence[RowResult]) -> list[RowResult]:
        return credible(results, [self._prefixes.get(sobject, "")] * len(results))

    async def _send_parts(self, parts: Parts) -> list[CollectionAnswer]:
        if not parts:
            return []
        if len(parts) == 1:
            return [await self._send_alone(*parts[0])]
        return await self._caller.parts(parts, self._send_together, lambda answer: answer.error)

    async def _send_together(self, parts: Parts) -> list[CollectionAnswer]:
        body = composite_body(parts, version=self._version, headers=self._headers)
        value = await self.request("composite", "POST", "composite", body)
        return read_composite(value, [collection for collection, _ in parts])

    async def _send_alone(self, collection: Collection, body: bytes) -> CollectionAnswer:
        try:
            value = await self.request("collection", *collection_call(collection), body)
        except SalesforceError as error:
            if error.status in COLLECTION_REFUSALS and error.body_kind == "json":
                return CollectionAnswer(error=error)
            raise
        return read_collection(value, collection)

    async def update(self, sobject: str, record_id: str, fields: Mapping[str, Any]) -> None:
        """Write fields of one record by its id. Raises SalesforceError when it is refused."""
        path = f"sobjects/{sobject}/{quote(record_id, safe='')}"
        await self.request("update", "PATCH", path, dumps(fields))

    async def retrieve(
        self, sobject: str, external_id_field: str, external_id: str
    ) -> dict[str, Any] | None:
        """Return a record by external id, or None when there is none."""
        path = record_path(sobject, external_id_field, external_id)
        try:
            return await self.read("retrieve", path)
        except SalesforceError as error:
            if error.is_not_found:
                return None
            raise

    async def describe(self, sobject: str) -> dict[str, Any]:
        """Return `describe` of an sObject as Salesforce sends it."""
        answer = await self.read("describe", f"sobjects/{quote(sobject, safe='')}/describe")
        if not are_objects(answer.get("fields")):
            raise bad_answer("a describe without fields")
        return answer

    async def limits(self) -> dict[str, Any]:
        with asked_before_requests():  # the gate asks too, before there is a call to be owned
            return await self.read("limits", "limits")

    async def token(self) -> Token:
        """Return the present token. Raises LoginError."""
        return await self._caller.token()

    async def read(self, operation: str, path: str) -> dict[str, Any]:
        """Return the JSON object of a GET; `operation` names it in metrics."""
        return _object(await self.request(operation, "GET", path))

    async def delete(self, ids: Sequence[str]) -> list[RowResult]:
        """Delete up to 200 records by id with one call; one result each, in order.

        Raises SalesforceError when the call as a whole failed, ValueError for too many ids.
        """
        if not 1 <= len(ids) <= MAX_ROWS:
            raise ValueError(f"{len(ids)} ids; 1 to {MAX_ROWS} fit in a call")
        path = f"composite/sobjects?ids={','.join(ids)}&allOrNone=false"
        value = await self.request("delete", "DELETE", path, None)
        return credible(row_results(value, len(ids)), ids)

    async def query(
        self, soql: str, *, with_deleted: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the records of a query, page by page; `with_deleted`: the Recycle Bin's, too."""
        path = query_path(soql, with_deleted=with_deleted)
        first = read_page(await self.request("query", "GET", path, None))
        async for record in self._records(first):
            yield record

    async def queries(self, soqls: Sequence[str]) -> list[list[dict[str, Any]] | SalesforceError]:
        """Return what one to five queries find, with ONE call unless they have further pages.

        A query that was refused has its error for an answer. Raises SalesforceError when the call
        as a whole failed, or a further page.
        """
        if len(soqls) == 1:
            return [[record async for record in self.query(soqls[0])]]
        pages = await self._caller.parts(soqls, self._pages, _error_of_page)
        return [
            page
            if isinstance(page, SalesforceError)
            else [record async for record in self._records(page)]
            for page in pages
        ]

    async def _pages(self, soqls: Sequence[str]) -> list[QueryPage | SalesforceError]:
        body = queries_body(soqls, version=self._version)
        return read_queries(await self.request("query", "POST", "composite", body), len(soqls))

    async def _records(self, page: QueryPage) -> AsyncIterator[dict[str, Any]]:
        """Yield the records of a page and of those that follow it."""
        while True:
            for record in page.records:
                yield record
            if not page.next_path:
                return
            page = read_page(await self.request("query", "GET", page.next_path, None))

    async def upsert_bulk(
        self,
        sobject: str,
        external_id_field: str,
        rows: Sequence[Row],
        *,
        is_insert: bool = False,
        interrupt: Interrupt | None = None,
    ) -> list[RowResult]:
        """Write rows of one sObject by Bulk API 2.0; return when every row's result is known.

        `is_insert`: rows that exist are refused (DUPLICATE_VALUE) and not changed.
        Raises SalesforceError when the job as a whole failed or was interrupted.
        """
        results = await self._bulk.run(
            sobject,
            external_id_field,
            rows,
            is_guarded=sobject in self.guarded,
            may_overrule=sobject in self._overrulable,
            is_insert=is_insert,
            interrupt=interrupt,
        )
        return self._credible(sobject, results)

    async def request(
        self, operation: str, method: str, path: str, body: bytes | None = None
    ) -> Any:
        """Return the decoded answer of one call below the version. Raises SalesforceError."""
        data, extra = packed(body or b"", is_compressed=self._is_compressed and bool(body))

        def work(org: OrgApi) -> Any:
            headers = {**self._headers, **extra}
            return org.restful(path, method=method, data=data or None, headers=headers)

        return await self._caller.call(operation, work)

    def close(self) -> None:
        """Close idle connections; calls in flight end with the process."""
        self._caller.close()


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_answer(f"expected a JSON object, got {type(value).__name__}")
    return value


def _error_of_page(page: QueryPage | SalesforceError) -> SalesforceError | None:
    return page if isinstance(page, SalesforceError) else None
