"""simple-salesforce, used as its manual says, against the simulated org in a process of its own.

The library insists on https: an adapter sends what it asks of any https host to the simulator.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)
from support.salesforce_fixtures import ACCOUNT_KEY, ORDER_KEY, an_account, an_opportunity

from sandbox.salesforce.process import OrgProcess


class ToSimulator(HTTPAdapter):
    """Sends every https request to one http origin."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self._origin = urlsplit(origin)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(request.url)
        request.url = parts._replace(scheme="http", netloc=self._origin.netloc).geturl()
        return super().send(request, *args, **kwargs)


@pytest.fixture
def http(salesforce_process: OrgProcess):
    with requests.Session() as session:
        session.mount("https://", ToSimulator(salesforce_process.url))
        yield session


@pytest.fixture
def sf(salesforce_process: OrgProcess, http: requests.Session) -> Salesforce:
    return Salesforce(
        username=salesforce_process.username,
        consumer_key=salesforce_process.consumer_key,
        privatekey=Path(str(salesforce_process.private_key_path)).read_text(),
        session=http,
        version="60.0",
    )


def test_it_logs_in_by_jwt_and_upserts_queries_and_deletes(sf):
    key = quote("jane+1@x.y/2", safe="")
    path = f"{ACCOUNT_KEY}/{key}"
    assert sf.Account.upsert(path, {"Name": "Jane"}) == 201
    assert sf.Account.upsert(path, {"Name": "Jane D"}) == 200
    found = sf.query(f"SELECT Id, Name FROM Account WHERE {ACCOUNT_KEY} = 'jane+1@x.y/2'")
    (record,) = found["records"]
    assert record["Name"] == "Jane D"
    assert sf.Account.delete(record["Id"]) == 204
    assert sf.limits()["DailyApiRequests"]["Max"] == 100_000
    assert sf.api_usage["api-usage"].total == 100_000


def test_it_upserts_collections_and_composites_by_restful(sf):
    records = [{"attributes": {"type": "Account"}, **an_account(str(i))} for i in range(200)]
    path = f"composite/sobjects/Account/{ACCOUNT_KEY}"
    results = sf.restful(path, method="PATCH", json={"allOrNone": False, "records": records})
    assert all(result["success"] and result["created"] for result in results)
    order = {"attributes": {"type": "Opportunity"}, **an_opportunity("1")}
    sub = {
        "method": "PATCH",
        "url": f"/services/data/v60.0/composite/sobjects/Opportunity/{ORDER_KEY}",
        "referenceId": "orders",
        "body": {"records": [order | {"Account": {ACCOUNT_KEY: "7"}}]},
    }
    body = {"collateSubrequests": False, "compositeRequest": [sub]}
    answer = sf.restful("composite", method="POST", json=body)
    assert answer["compositeResponse"][0]["body"][0]["created"] is True


def test_its_bulk2_upserts_and_reads_back_failures_and_unprocessed_rows(sf):
    rows = [an_account("a"), an_account("b", Name=""), an_account("c")]
    (job,) = sf.bulk2.Account.upsert(records=rows, external_id_field=ACCOUNT_KEY, wait=1)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (3, 1)
    assert "REQUIRED_FIELD_MISSING" in sf.bulk2.Account.get_failed_records(job["job_id"])
    assert "b" not in sf.bulk2.Account.get_successful_records(job["job_id"]).split('"')
    assert sf.bulk2.Account.get_unprocessed_records(job["job_id"]).strip().count("\n") == 0


def test_its_exceptions_are_those_it_raises_on_a_real_org(sf, salesforce_process: OrgProcess):
    with pytest.raises(SalesforceMalformedRequest) as malformed:
        sf.Account.create({"Phone": "1"})
    assert malformed.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    with pytest.raises(SalesforceResourceNotFound):
        sf.Account.get("001Os0000000zzzAAA")
    salesforce_process.ask("PATCH", f"/schema/Account/{ACCOUNT_KEY}", {"unique": False})
    for _ in range(2):
        sf.Account.create(an_account("twin"))
    with pytest.raises(SalesforceMoreThanOneRecord):
        sf.Account.upsert(f"{ACCOUNT_KEY}/twin", {"Name": "X"})
    salesforce_process.fault("spend_quota")
    with pytest.raises(SalesforceRefusedRequest) as refused:
        sf.query("SELECT Id FROM Account")
    assert refused.value.content[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


def test_a_session_given_from_outside_expires_as_such(sf, salesforce_process, http):
    given = Salesforce(
        session_id=sf.session_id, instance="org.example", session=http, version="60.0"
    )
    assert given.query("SELECT COUNT() FROM Account")["totalSize"] == 0
    salesforce_process.fault("expire_tokens")
    with pytest.raises(SalesforceExpiredSession):
        given.query("SELECT COUNT() FROM Account")


def test_a_refused_login_is_its_authentication_failure(sf, salesforce_process, http):
    salesforce_process.fault("auth_refused")
    with (
        pytest.warns(UserWarning, match="Allow Access"),
        pytest.raises(SalesforceAuthenticationFailed, match="user hasn't approved this consumer"),
    ):
        Salesforce(
            username=salesforce_process.username,
            consumer_key=salesforce_process.consumer_key,
            privatekey=Path(str(salesforce_process.private_key_path)).read_text(),
            session=http,
        )
