"""Bulk API 2.0: the same rules, row by row, while the API answers at once."""

from __future__ import annotations

import asyncio
import csv
import io
import time

from support.salesforce_fixtures import ACCOUNT_KEY, ORDER_KEY, PlainClient, an_account

from sandbox.salesforce.server import SalesforceOrg

OVER = ("JobComplete", "Failed", "Aborted")


async def open_job(client: PlainClient, sobject: str, key_field: str, **more) -> str:
    job = {"object": sobject, "operation": "upsert", "externalIdFieldName": key_field}
    answer = await client.call("POST", "/jobs/ingest", job | {"contentType": "CSV"} | more)
    assert answer.status == 200, answer.text
    assert answer.json["state"] == "Open"
    return answer.json["id"]


async def upload(client: PlainClient, job_id: str, text: str):
    path = f"/jobs/ingest/{job_id}/batches"
    return await client.send_raw("PUT", path, text.encode(), "text/csv")


async def finished(client: PlainClient, job_id: str, kind: str = "ingest"):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        job = (await client.call("GET", f"/jobs/{kind}/{job_id}")).json
        if job["state"] in OVER:
            return job
        await asyncio.sleep(0.02)
    raise AssertionError(f"job {job_id} did not end: {job}")


async def run(client: PlainClient, sobject: str, key_field: str, text: str, **more):
    job_id = await open_job(client, sobject, key_field, **more)
    assert (await upload(client, job_id, text)).status == 201
    closed = await client.call("PATCH", f"/jobs/ingest/{job_id}", {"state": "UploadComplete"})
    assert closed.json["state"] == "UploadComplete"
    return await finished(client, job_id)


async def rows_of(client: PlainClient, job_id: str, results: str) -> list[dict[str, str]]:
    answer = await client.call("GET", f"/jobs/ingest/{job_id}/{results}")
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_rows_are_upserted_by_the_rules_and_failures_are_told_row_by_row(
    plain_client, salesforce_org: SalesforceOrg
):
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("jane@x.y"))
    head = f"{ORDER_KEY},Name,StageName,CloseDate,Amount,Account.{ACCOUNT_KEY}\n"
    job = await run(
        plain_client,
        "Opportunity",
        ORDER_KEY,
        head
        + '1,"Order, one",Prospecting,2026-02-01,9.99,JANE@x.y\n'
        + "2,Two,Prospecting,soon,1,jane@x.y\n"
        + "3,Three,Prospecting,2026-02-01,1,nobody@x.y\n"
        + "4,,Prospecting,2026-02-01,1,\n",
    )
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (
        "JobComplete",
        4,
        3,
    )
    (written,) = await rows_of(plain_client, job["id"], "successfulResults")
    assert (written["sf__Created"], written[ORDER_KEY], written["Name"]) == (
        "true",
        "1",
        "Order, one",
    )
    failed = await rows_of(plain_client, job["id"], "failedResults")
    assert [row[ORDER_KEY] for row in failed] == ["2", "3", "4"]
    codes = [row["sf__Error"].split(":")[0] for row in failed]
    assert codes == ["INVALID_TYPE_ON_FIELD_IN_RECORD", "INVALID_FIELD", "REQUIRED_FIELD_MISSING"]
    assert "Foreign key external ID: nobody@x.y not found" in failed[1]["sf__Error"]
    assert failed[2]["sf__Error"].endswith("Required fields are missing: [Name]:Name --")
    assert await rows_of(plain_client, job["id"], "unprocessedrecords") == []
    assert await rows_of(plain_client, job["id"], "unprocessedRecords") == []
    record = await plain_client.call("GET", f"/sobjects/Opportunity/{ORDER_KEY}/1")
    assert record.json["Name"] == "Order, one"
    assert record.json["AccountId"]


async def test_an_empty_cell_changes_nothing_and_na_clears(plain_client):
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a", Phone="1", Fax="2"))
    text = f"{ACCOUNT_KEY},Phone,Fax\na,,#N/A\n"
    job = await run(plain_client, "Account", ACCOUNT_KEY, text)
    assert job["numberRecordsFailed"] == 0
    read = await plain_client.call("GET", f"/sobjects/Account/{ACCOUNT_KEY}/a?fields=Phone,Fax")
    assert (read.json["Phone"], read.json["Fax"]) == ("1", None)


async def test_the_stale_rule_holds_for_bulk_too(plain_client):
    head = f"{ACCOUNT_KEY},Name,Magento_Updated_At__c\n"
    await run(plain_client, "Account", ACCOUNT_KEY, head + "a,A,2026-01-02T00:00:00Z\n")
    job = await run(plain_client, "Account", ACCOUNT_KEY, head + "a,A,2026-01-01T00:00:00Z\n")
    (failed,) = await rows_of(plain_client, job["id"], "failedResults")
    assert "orderstream: newer state already stored" in failed["sf__Error"]


async def test_one_key_twice_in_a_chunk_fails_both_rows(plain_client):
    text = f"{ACCOUNT_KEY},Name\nsame,A\nother,B\nSAME,C\n"
    job = await run(plain_client, "Account", ACCOUNT_KEY, text)
    assert job["numberRecordsFailed"] == 2


async def test_an_unknown_column_fails_the_job_and_nothing_is_processed(
    plain_client, salesforce_org: SalesforceOrg
):
    job = await run(plain_client, "Account", ACCOUNT_KEY, f"{ACCOUNT_KEY},Nothing__c\na,1\n")
    assert job["state"] == "Failed"
    assert job["errorMessage"] == "InvalidBatch : Field name not found : Nothing__c"
    assert salesforce_org.org.summary()["writes"] == 0
    (left,) = await rows_of(plain_client, job["id"], "unprocessedrecords")
    assert left[ACCOUNT_KEY] == "a"


async def test_an_aborted_job_says_which_rows_it_never_came_to(
    plain_client, salesforce_org: SalesforceOrg
):
    salesforce_org.org.settings.change({"bulk_per_row_ms": 2.0})
    job_id = await open_job(plain_client, "Account", ACCOUNT_KEY)
    lines = "".join(f"k{i},Name {i}\n" for i in range(1000))
    await upload(plain_client, job_id, f"{ACCOUNT_KEY},Name\n{lines}")
    await plain_client.call("PATCH", f"/jobs/ingest/{job_id}", {"state": "UploadComplete"})
    deadline = time.monotonic() + 20
    while salesforce_org.org.summary()["writes"] == 0 and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    aborted = await plain_client.call("PATCH", f"/jobs/ingest/{job_id}", {"state": "Aborted"})
    assert aborted.json["state"] == "Aborted"
    done = await rows_of(plain_client, job_id, "successfulResults")
    left = await rows_of(plain_client, job_id, "unprocessedrecords")
    assert 0 < len(done) < 1000
    assert len(done) + len(left) == 1000
    assert (await plain_client.call("DELETE", f"/jobs/ingest/{job_id}")).status == 204
    assert (await plain_client.call("GET", f"/jobs/ingest/{job_id}")).status == 404


async def test_other_delimiters_and_line_endings(plain_client):
    text = f"{ACCOUNT_KEY};Name\r\na;Semi\r\n"
    more = {"columnDelimiter": "SEMICOLON", "lineEnding": "CRLF"}
    job = await run(plain_client, "Account", ACCOUNT_KEY, text, **more)
    answer = await plain_client.call("GET", f"/jobs/ingest/{job['id']}/successfulResults")
    assert answer.text.splitlines()[0] == f'"sf__Id";"sf__Created";"{ACCOUNT_KEY}";"Name"'
    assert answer.text.endswith("\r\n")


async def test_misuse_is_refused_by_name(plain_client):
    wrong_key = {"object": "Account", "operation": "upsert", "externalIdFieldName": "Phone"}
    answer = await plain_client.call("POST", "/jobs/ingest", wrong_key)
    assert (answer.status, answer.json[0]["errorCode"]) == (400, "INVALIDJOB")
    job_id = await open_job(plain_client, "Account", ACCOUNT_KEY)
    await upload(plain_client, job_id, f"{ACCOUNT_KEY},Name\na,A\n")
    again = await upload(plain_client, job_id, "x")
    assert (again.status, again.json[0]["errorCode"]) == (400, "INVALIDJOBSTATE")


async def test_a_bulk_query_is_read_in_pages(plain_client):
    await plain_client.upsert("Account", ACCOUNT_KEY, *(an_account(f"k{i}") for i in range(5)))
    soql = f"SELECT {ACCOUNT_KEY}, Name FROM Account ORDER BY {ACCOUNT_KEY}"
    job = (
        await plain_client.call("POST", "/jobs/query", {"operation": "query", "query": soql})
    ).json
    assert (await finished(plain_client, job["id"], "query"))["numberRecordsProcessed"] == 5
    path = f"/jobs/query/{job['id']}/results?maxRecords=3"
    first = await plain_client.call("GET", path)
    assert first.headers["Sforce-NumberOfRecords"] == "3"
    second = await plain_client.call("GET", f"{path}&locator={first.headers['Sforce-Locator']}")
    assert second.headers["Sforce-Locator"] == "null"
    lines = first.text.splitlines()[1:] + second.text.splitlines()[1:]
    assert lines == [f'"k{i}","Customer k{i}"' for i in range(5)]


async def test_a_job_can_be_made_to_fail_whole(plain_client, salesforce_org: SalesforceOrg):
    salesforce_org.org.faults.add(
        {"kind": "fail_job", "times": 1, "message": "InternalServerError : x"}
    )
    text = f"{ACCOUNT_KEY},Name\na,A\n"
    failed = await run(plain_client, "Account", ACCOUNT_KEY, text)
    assert (failed["state"], failed["errorMessage"]) == ("Failed", "InternalServerError : x")
    assert (await run(plain_client, "Account", ACCOUNT_KEY, text))["state"] == "JobComplete"


async def test_no_job_is_made_when_the_days_batches_are_used_up(
    plain_client, salesforce_org: SalesforceOrg
):
    salesforce_org.org.settings.change({"bulk_daily_batches": 1})
    await run(plain_client, "Account", ACCOUNT_KEY, f"{ACCOUNT_KEY},Name\nk@x.y,Jane\n")
    job = {"object": "Account", "operation": "upsert", "externalIdFieldName": ACCOUNT_KEY}
    answer = await plain_client.call("POST", "/jobs/ingest", job)
    assert (answer.status, answer.json[0]["errorCode"]) == (400, "ExceededQuota")
