"""What reconcile reads of Salesforce: whole, through a short outage, or an error."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agents.reconcile.patient_query import ATTEMPTS, PatientQuery
from agents.salesforce.api.bulk import Pace
from agents.salesforce.api.bulk_query import BulkQuery
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import bad_answer, refusal

AWAY = refusal(503, None, body_kind="html", retry_after_seconds=7.0)


class Org:
    """Fails as told, after the first record, before it answers."""

    def __init__(self, *failures: SalesforceError) -> None:
        self.failures, self.pauses = list(failures), []

    async def query(self, _soql: str):
        yield {"Id": "1"}
        if self.failures:
            raise self.failures.pop(0)
        yield {"Id": "2"}

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


async def ids(query) -> list[str]:
    return [record["Id"] async for record in query.query("SELECT Id FROM Account")]


async def test_a_short_outage_ends_no_comparison() -> None:
    org = Org(AWAY, bad_answer("1 of 2"), refusal(429, None))
    assert await ids(PatientQuery(org, sleep=org.sleep)) == ["1", "2"]
    assert len(org.pauses) == 3
    assert org.pauses[0] >= 7.0


@pytest.mark.parametrize(
    ("failures", "asked"),
    [
        ([AWAY] * 99, ATTEMPTS),
        ([refusal(400, [{"errorCode": "MALFORMED_QUERY"}])], 1),
        ([refusal(400, [{"errorCode": "QUERY_TIMEOUT"}])], 1),
        ([refusal(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests"}])], 1),
    ],
)
async def test_what_lasts_is_an_error(failures, asked) -> None:
    org = Org(*failures)
    with pytest.raises(SalesforceError):
        await ids(PatientQuery(org, sleep=org.sleep))
    assert len(failures) - len(org.failures) == asked


class Jobs:
    """A caller whose Bulk query is over at once; `told` records are in its answer's header."""

    def __init__(self, told: str) -> None:
        self.told = told

    async def json(self, method, _path, _body=None):
        return {"id": "750"} if method == "POST" else {"state": "JobComplete"}

    async def call(self, _operation, work, **_options):
        headers = {"Sforce-NumberOfRecords": self.told, "Sforce-Locator": "null"}
        answer = SimpleNamespace(content=b"Id\n1\n2\n", headers=headers)
        return work(SimpleNamespace(send=lambda *_row, **_more: answer))


@pytest.mark.parametrize("told", ["2", "", "many"])
async def test_a_bulk_querys_records_are_read(told) -> None:
    assert await ids(BulkQuery(Jobs(told), Pace())) == ["1", "2"]


async def test_a_result_that_was_cut_between_two_rows_is_no_result() -> None:
    """Reconcile said of the rest that Salesforce does not have it."""
    with pytest.raises(SalesforceError, match="2 of 3"):
        await ids(BulkQuery(Jobs("3"), Pace()))
