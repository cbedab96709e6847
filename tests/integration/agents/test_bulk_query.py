"""Bulk queries on the simulated org: pages, refusals, and the same comparison as by REST."""

from __future__ import annotations

import pytest
from support.org_settings import settings_for
from support.salesforce_fixtures import ORDER_KEY, org_keys, salesforce_org

from agents.reconcile.findings import differences
from agents.reconcile.org_records import fetch_records
from agents.salesforce.api.bulk import Pace
from agents.salesforce.api.soql import BULK_ROOM
from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.errors import SalesforceError
from schemas.salesforce import Row
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]

PACE = Pace(first_poll_seconds=0.01, longest_poll_seconds=0.05, patience_seconds=5)


@pytest.fixture
async def client(salesforce_org):
    client = build_client(settings_for(salesforce_org), alerts=Alerts(), bulk_pace=PACE)
    yield client
    client.close()


def order(n, **fields):
    right = {
        "Name": f'Order, "{n}"\nö',
        "StageName": "Prospecting",
        "CloseDate": "2026-02-01",
        "Amount": n + 0.5,
    }
    return Row("Opportunity", ORDER_KEY, f"o'{n}", right | fields)


async def test_bulk_and_rest_see_the_same_records(client, salesforce_org):
    rows = [order(n) for n in range(450)]
    assert all(r.success for r in await client.upsert_bulk("Opportunity", ORDER_KEY, rows))
    rows += [order(999)]
    by_rest = await fetch_records(client, rows)
    by_bulk = await fetch_records(client.bulk_query, rows, BULK_ROOM)
    assert set(by_rest) == set(by_bulk)
    assert len(by_bulk) == 450
    assert len(salesforce_org.org.bulk.jobs) == 2  # one that wrote, one that asked
    for records in (by_rest, by_bulk):
        assert [d.external_id for d in differences(rows, records)] == ["o'999"]
        (changed,) = differences([order(7, Amount=1)], records)
        assert (changed.field, changed.magento) == ("Amount", 1)


async def test_a_query_that_is_refused_is_an_error(client):
    with pytest.raises(SalesforceError):
        async for _ in client.bulk_query.query("SELECT Nope__c FROM Opportunity"):
            pass
