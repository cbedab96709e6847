"""A large, old org that is not English: what the store sends still lands, whole and in its money."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys

from agents.delivery.dispatcher import build_dispatcher
from agents.delivery.types import WriteSet, Written
from agents.mapping.mapping import Mapping
from agents.salesforce.api.wiring import build_client
from agents.salesforce.interrupt import Interrupt
from sandbox.salesforce.profiles import AWKWARD
from sandbox.salesforce.server import SalesforceOrg
from sandbox.salesforce.settings import Settings
from schemas.codec import Document
from schemas.event import Kind
from stream.ops.alerts import Alerts

__all__ = ["org_keys"]

ADDRESSES = (
    {"city": "Columbus", "region": "Ohio", "country_id": "US"},
    {"city": "Berlin", "country_id": "DE"},
    {"city": "São Paulo", "region": "São Paulo", "country_id": "BR"},
    {"city": "Lyon", "region": "Rhône", "country_id": "FR"},
    {"city": "Nowhere", "region": "Any", "country_id": "ZZ"},
)
CURRENCIES = ("BRL", "USD", "EUR", "PLN", "GBP")
STATES = ("new", "processing", "complete", "closed", "canceled", "holded")


@pytest.fixture
async def awkward(org_keys):
    settings = Settings()
    settings.change(AWKWARD)
    async with SalesforceOrg.serve(key_folder=org_keys, settings=settings) as org:
        yield org


def order(number: int) -> dict[str, Any]:
    return {
        "increment_id": f"{number:09d}",
        "state": STATES[number % len(STATES)],
        "customer_email": f"c{number % 7}@example.com",
        "customer_lastname": "Souza",
        "order_currency_code": CURRENCIES[number % len(CURRENCIES)],
        "grand_total": number,
        "created_at": "2026-03-14 18:00:00",
        "updated_at": "2026-03-14 18:00:00",
        "billing_address": ADDRESSES[number % len(ADDRESSES)],
    }


async def test_every_order_of_every_state_currency_and_country_is_written(awkward):
    settings = settings_for(awkward, salesforce_calls_per_second=1000.0)
    client = build_client(settings, alerts=Alerts())
    try:
        plain = Mapping.load()
        describes = {name: await client.describe(name) for name in plain.sobjects}
        client.guard_from(describes)
        mapping = plain.refined(describes)
        dispatcher = build_dispatcher(settings, client, Alerts(), Interrupt())
        bundles = []
        for number in range(1, 41):
            document = Document("order_saved", Kind.ORDER, f"{number:09d}", order(number), "")
            mapped = mapping.apply(document)
            bundles.append(WriteSet(document.key, mapped.rows, mapped.lock_key))
        async with asyncio.timeout(120):
            outcomes = await dispatcher.send(bundles)
    finally:
        client.close()
    assert [o for o in outcomes if not isinstance(o, Written)] == []
    tables = awkward.org.store.tables
    money = {
        int(r["Magento_Order_ID__c"]): r["CurrencyIsoCode"]
        for r in tables["Opportunity"].records.values()
    }
    assert money == {n: CURRENCIES[n % len(CURRENCIES)] for n in range(1, 41)}
    assert len(tables["Account"].records) == len(tables["Contact"].records) == 7
    places = {(r["BillingCity"], r["BillingStateCode"]) for r in tables["Account"].records.values()}
    assert places <= {
        ("Columbus", "OH"),
        ("Berlin", None),
        ("São Paulo", "SP"),
        ("Lyon", None),
        ("Nowhere", None),
    }
