"""A Salesforce org in memory, behind the client's contract, that can be told to misbehave."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

from agents.pacing.adaptive_concurrency import AdaptiveSlots
from agents.pacing.admission import Admission
from agents.pacing.circuit_breaker import Breaker
from agents.pacing.daily_quota import DailyQuota
from agents.salesforce.api.composite import Collection, CollectionAnswer
from agents.salesforce.api.send_right import check_of_context
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError, TimedOutError
from agents.salesforce.http.answers import refusal
from agents.salesforce.interrupt import Interrupt
from schemas.salesforce import Row, RowError, RowResult
from stream.ops.alerts import Alerts

KEY = "Magento_Key__c"
LOCKED = RowError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
TOO_LONG = RowError("STRING_TOO_LONG", "Name: data value too large", ("Name",))
NO_FIELD = RowError("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: X__c")
NEWER = RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "orderstream: newer state already stored")

CallFault = Callable[[Sequence[Collection]], SalesforceError | None]


def account(name: str, **fields: Any) -> Row:
    return Row("Account", KEY, name, insert_fields={"Name": name}, fields=fields)


def contact(name: str, of: str) -> Row:
    return Row("Contact", KEY, name, insert_fields={"LastName": name, "Account": {KEY: of}})


def opportunity(name: str, of: str = "", **fields: Any) -> Row:
    link = {"Account": {KEY: of}} if of else {}
    return Row("Opportunity", KEY, name, fields={"Name": name, **link, **fields})


class FakeOrg:
    """Keeps records by (sObject, external id); `calls` are the calls it answered or refused."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[list[Collection]] = []
        self.row_errors: dict[str, list[RowError]] = {}
        self.always: dict[str, RowError] = {}
        self.poison: dict[str, SalesforceError] = {}
        self.call_faults: list[CallFault] = []
        self.after_write: list[Exception] = []
        self.limits_answer: dict[str, Any] | SalesforceError = {}
        self.latency_seconds = 0.0
        self.in_flight: list[set[str]] = []
        self.locked_together: list[str] = []

    async def composite(self, collections: Sequence[Collection]) -> list[CollectionAnswer]:
        assert 1 <= len(collections) <= 5
        check_of_context()()
        self.calls.append(list(collections))
        locks = {name for c in collections for row in c.rows for name in locks_of(row)}
        self.locked_together += [name for held in self.in_flight for name in held & locks]
        self.in_flight.append(locks)
        try:
            await asyncio.sleep(self.latency_seconds)
        finally:
            self.in_flight.remove(locks)
        for fault in list(self.call_faults):
            error = fault(collections)
            if error is not None:
                raise error
        answers = [self._answer(collection) for collection in collections]
        if self.after_write:
            raise self.after_write.pop(0)
        return answers

    async def limits(self) -> dict[str, Any]:
        if isinstance(self.limits_answer, SalesforceError):
            raise self.limits_answer
        return self.limits_answer

    async def queries(self, soqls: Sequence[str]) -> list[list[dict[str, Any]]]:
        return [self._found(soql) for soql in soqls]

    def _found(self, soql: str) -> list[dict[str, Any]]:
        """Answer `SELECT Id, key FROM sObject WHERE key IN ('…')`."""
        sobject = soql.split(" FROM ")[1].split(maxsplit=1)[0]
        keys = re.findall(r"'([^']*)'", soql)
        at = [(key, self.records.get((sobject, key.casefold()))) for key in keys]
        return [{"Id": record["id"], KEY: key} for key, record in at if record]

    def upsert_bulk(self, *_args: Any, **_options: Any) -> Any:
        raise NotImplementedError

    describe = query = upsert_bulk

    def has(self, sobject: str, external_id: str) -> bool:
        return (sobject, external_id.casefold()) in self.records

    def fields_of(self, sobject: str, external_id: str) -> dict[str, Any]:
        return self.records[sobject, external_id.casefold()]["fields"]

    def put(self, sobject: str, external_id: str, **fields: Any) -> str:
        record_id = f"{len(self.records):018d}"
        self.records[sobject, external_id.casefold()] = {"id": record_id, "fields": dict(fields)}
        return record_id

    def _answer(self, collection: Collection) -> CollectionAnswer:
        assert 1 <= len(collection.rows) <= 200
        identities = [row.identity for row in collection.rows]
        assert len(set(identities)) == len(identities), "the same record twice in one request"
        for row in collection.rows:
            if row.external_id in self.poison:
                return CollectionAnswer(error=self.poison[row.external_id])
        return CollectionAnswer(
            results=tuple(self._write(row, collection.method) for row in collection.rows)
        )

    def _write(self, row: Row, method: str) -> RowResult:
        errors = self.row_errors.get(row.external_id, [])
        if errors:
            return failed(errors.pop(0))
        if row.external_id in self.always:
            return failed(self.always[row.external_id])
        sent = {**row.insert_fields, **row.fields} if method == "create" else dict(row.fields)
        parent = sent.get("Account")
        if parent and not self.has("Account", parent[KEY]):
            text = f"Foreign key external ID: {parent[KEY]} not found for field {KEY} in Account"
            return failed(RowError("INVALID_FIELD", text))
        record = self.records.get(row.identity)
        if record is None:
            return RowResult(True, self.put(row.sobject, row.external_id, **sent), created=True)
        if method == "create":
            text = (
                f"duplicate value found: {KEY} duplicates value on record with id: {record['id']}"
            )
            return failed(RowError("DUPLICATE_VALUE", text))
        record["fields"].update(sent)
        return RowResult(True, record["id"])


def locks_of(row: Row) -> set[str]:
    parent = {**row.insert_fields, **row.fields}.get("Account")
    own = {f"{row.sobject}/{row.external_id}"}
    return own | ({f"Account/{parent[KEY]}"} if parent else set())


def failed(error: RowError) -> RowResult:
    return RowResult(success=False, errors=(error,))


def refused(status: int, code: str, message: str = "no") -> SalesforceError:
    """The error that the client makes of such an answer."""
    return refusal(status, [{"errorCode": code, "message": message}])


UNAVAILABLE = refused(503, "SERVER_UNAVAILABLE", "busy")
TIMEOUT = SalesforceError(
    "timed out", kind=ErrorKind.TRANSIENT, code="NO_ANSWER", is_outcome_unknown=True
)

HANGS = TimedOutError(
    "no answer in time", kind=ErrorKind.TRANSIENT, code="NO_ANSWER", is_outcome_unknown=True
)


def times(count: int, error: SalesforceError) -> CallFault:
    """A fault of the next `count` calls."""
    left = [error] * count

    def fault(_collections: Sequence[Collection]) -> SalesforceError | None:
        return left.pop() if left else None

    return fault


def whenever(pattern: str, error: SalesforceError) -> CallFault:
    """A fault of every call that has a row whose external id matches."""

    def fault(collections: Sequence[Collection]) -> SalesforceError | None:
        ids = [row.external_id for c in collections for row in c.rows]
        return error if any(re.fullmatch(pattern, name) for name in ids) else None

    return fault


def make_gate(
    *,
    interrupt: Interrupt | None = None,
    alerts: Alerts | None = None,
    budget: DailyQuota | None = None,
    failures: int = 5,
    probe_seconds: float = 0.02,
    give_up_seconds: float = 0.0,
    slots: int = 5,
    calls_per_second: float = 10_000.0,
    **options: Any,
) -> Admission:
    """A gate with quick probes and no jitter."""
    return Admission(
        breaker=Breaker(
            failures=failures,
            probe_seconds=probe_seconds,
            give_up_seconds=give_up_seconds,
            jitter=lambda: 0.5,
        ),
        budget=budget or DailyQuota(share=0.8),
        slots=AdaptiveSlots(least=1, most=slots),
        calls_per_second=calls_per_second,
        alerts=alerts or Alerts(),
        interrupt=interrupt or Interrupt(),
        **options,
    )
