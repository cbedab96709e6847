"""Bulk API 2.0 on the simulated org: every row's result comes back, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.org_settings import settings_for
from support.salesforce_fixtures import (
    ACCOUNT_KEY,
    ORDER_KEY,
    SalesforceOrg,
    org_keys,
    salesforce_org,
)

from agents.salesforce.api.bulk import Pace
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.send_right import asked_before_requests
from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import JobFailedError, SalesforceError, is_stale
from agents.salesforce.interrupt import Interrupt
from schemas.salesforce import Row
from stream.errors import FrozenError
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]

QUICK = Pace(first_poll_seconds=0.01, longest_poll_seconds=0.05, patience_seconds=5)


@pytest.fixture
async def bulk(salesforce_org: SalesforceOrg) -> AsyncIterator[OrgClient]:
    client = build_client(settings_for(salesforce_org), alerts=Alerts(), bulk_pace=QUICK)
    await client.guard(["Account", "Opportunity"])
    yield client
    client.close()


def account(key: str, **fields: object) -> Row:
    return Row("Account", ACCOUNT_KEY, key, fields={"Name": f"Customer {key}", **fields})


def order(key: str, of: str, **fields: object) -> Row:
    values = {"Name": key, "StageName": "Prospecting", "CloseDate": "2026-01-02"}
    link = {"Account": {ACCOUNT_KEY: of}}
    return Row("Opportunity", ORDER_KEY, key, fields={**values, **link, **fields})


async def upsert(bulk: OrgClient, *rows: Row, **options: object):
    first = rows[0]
    return await bulk.upsert_bulk(first.sobject, first.external_id_field, rows, **options)


async def jobs(org: SalesforceOrg) -> list[str]:
    return [job.state.value for job in org.org.bulk.jobs.values()]


async def test_rows_are_created_then_updated_and_counted_once(bulk, salesforce_org):
    rows = [account(f"k{n}") for n in range(450)]
    first = await upsert(bulk, *rows)
    second = await upsert(bulk, *rows)
    assert all(result.success and result.created for result in first)
    assert all(result.success and not result.created for result in second)
    assert [r.id for r in first] == [r.id for r in second]


async def test_a_bad_row_costs_only_itself_and_parents_are_found(bulk):
    await upsert(bulk, account("a"))
    results = await upsert(
        bulk,
        order("1", "a"),
        order("2", "nobody"),
        order("3", "a", Amount="much"),
        order("4", "a", Name="x" * 200),
        order("5", "a"),
    )
    assert [result.success for result in results] == [True, False, False, False, True]
    assert results[1].errors[0].code == "INVALID_FIELD"
    assert results[3].errors[0].code == "STRING_TOO_LONG"
    assert results[3].errors[0].fields == ("Name",)


async def test_the_same_identity_twice_is_sent_once(bulk):
    first, second = await upsert(bulk, account("a"), account("A", Phone="1"))
    assert first.success
    assert second.errors[0].code == "DUPLICATE_VALUE"


async def test_null_empties_a_field_and_a_missing_one_is_left_alone(bulk):
    await upsert(bulk, account("a", Phone="1", Fax="2"))
    await upsert(bulk, account("a", Phone=None), account("b", Fax="3"))
    record = await bulk.retrieve("Account", ACCOUNT_KEY, "a")
    assert record
    assert (record["Phone"], record["Fax"]) == (None, "2")


async def test_a_stale_row_is_refused_by_the_org_and_recognised(bulk):
    newer = Row("Account", ACCOUNT_KEY, "a", {"Name": "new"}, version="2026-01-02T00:00:00Z")
    older = Row("Account", ACCOUNT_KEY, "a", {"Name": "old"}, version="2026-01-01T00:00:00Z")
    await upsert(bulk, newer)
    (result,) = await upsert(bulk, older)
    assert is_stale(result.errors[0])


async def test_an_unknown_column_fails_the_job_as_a_configuration_error(bulk):
    with pytest.raises(SalesforceError) as caught:
        await upsert(bulk, account("a", No_Such__c="1"))
    assert caught.value.kind is ErrorKind.CONFIG
    assert "map --check" in caught.value.fix


async def test_an_expired_token_and_outages_while_the_job_runs_lose_nothing(bulk, salesforce_org):
    faults = salesforce_org.org.faults
    salesforce_org.org.settings.bulk_delay_ms = 100
    armed = [
        faults.add({"kind": kind, "times": 1, "match": {"method": "GET", "path": "/jobs/ingest/"}})
        for kind in ("session_expired", "unavailable_html", "cut_after", "empty")
    ]
    results = await upsert(bulk, *(account(f"k{n}") for n in range(10)))
    assert all(result.success for result in results)
    assert [fault.fired for fault in armed] == [1, 1, 1, 1]


async def test_a_job_that_cannot_be_uploaded_is_aborted_and_raised(bulk, salesforce_org):
    salesforce_org.org.faults.add({"kind": "unavailable", "times": 1, "match": {"method": "PUT"}})
    with pytest.raises(SalesforceError) as caught:
        await upsert(bulk, account("a"))
    assert caught.value.kind is ErrorKind.TRANSIENT
    assert await jobs(salesforce_org) == ["Aborted"]


async def test_an_interrupt_gives_the_job_up_within_a_moment(bulk, salesforce_org):
    salesforce_org.org.settings.bulk_delay_ms = 60_000
    interrupt = Interrupt()
    work = asyncio.create_task(upsert(bulk, account("a"), interrupt=interrupt))
    while "UploadComplete" not in await jobs(salesforce_org):
        await asyncio.sleep(0.005)
    interrupt.set("SIGTERM")
    with pytest.raises(SalesforceError, match="SIGTERM") as caught:
        await asyncio.wait_for(work, 5)
    assert caught.value.code == "INTERRUPTED"
    assert caught.value.is_outcome_unknown
    assert await jobs(salesforce_org) == ["Aborted"]
    assert interrupt.listeners == []


async def test_a_cancelled_job_is_aborted(bulk, salesforce_org):
    salesforce_org.org.settings.bulk_delay_ms = 60_000
    work = asyncio.create_task(upsert(bulk, account("a")))
    while "UploadComplete" not in await jobs(salesforce_org):
        await asyncio.sleep(0.005)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await jobs(salesforce_org) == ["Aborted"]


async def test_a_frozen_worker_starts_no_job(bulk, salesforce_org):
    def frozen() -> None:
        raise FrozenError("slept")

    with pytest.raises(FrozenError), asked_before_requests(frozen):
        await upsert(bulk, account("a"))
    assert await jobs(salesforce_org) == []


async def test_a_job_is_taken_back_by_a_worker_that_has_lost_its_partitions(bulk, salesforce_org):
    salesforce_org.org.settings.bulk_delay_ms = 60_000

    def check() -> None:
        if "UploadComplete" in [j.state.value for j in salesforce_org.org.bulk.jobs.values()]:
            raise FrozenError("slept")

    with pytest.raises(FrozenError), asked_before_requests(check):
        await upsert(bulk, account("a"))
    assert await jobs(salesforce_org) == ["Aborted"]


@pytest.mark.parametrize("stuck", [{"bulk_delay_ms": 3_600_000.0}, {"bulk_per_row_ms": 60_000.0}])
async def test_a_job_that_stands_still_is_given_up_and_aborted(salesforce_org, stuck):
    """In the org's queue, or in progress: nothing said so, and its events waited for ever."""
    pace = Pace(first_poll_seconds=0.01, longest_poll_seconds=0.05, standstill_seconds=0.5)
    client = build_client(settings_for(salesforce_org), alerts=Alerts(), bulk_pace=pace)
    salesforce_org.org.settings.change(stuck)
    try:
        with pytest.raises(JobFailedError):
            async with asyncio.timeout(30):
                await upsert(client, *(account(f"k{n}") for n in range(250)))
    finally:
        client.close()
    assert await jobs(salesforce_org) == ["Aborted"]


async def test_a_job_that_gets_on_may_take_as_long_as_it_likes(salesforce_org):
    pace = Pace(first_poll_seconds=0.01, longest_poll_seconds=0.05, standstill_seconds=0.5)
    client = build_client(settings_for(salesforce_org), alerts=Alerts(), bulk_pace=pace)
    salesforce_org.org.settings.change({"bulk_per_row_ms": 1.0})
    try:
        results = await upsert(client, *(account(f"k{n}") for n in range(900)))
    finally:
        client.close()
    assert all(result.success for result in results)
