"""The mapping for Person Accounts against an org that has them: one record per customer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys

from agents.delivery.dispatcher import build_dispatcher
from agents.delivery.types import WriteOutcome, WriteSet, Written
from agents.mapping.mapping import PERSON_FILE, Mapping, default_text
from agents.salesforce.api.wiring import build_client
from agents.salesforce.interrupt import Interrupt
from sandbox.salesforce.server import SalesforceOrg
from sandbox.salesforce.settings import Settings
from schemas.codec import Document
from schemas.event import Kind
from stream.ops.alerts import Alerts

__all__ = ["org_keys"]

KEY = "Magento_Customer_Key__c"
ANNA = "anna@example.com"


@pytest.fixture
async def org(org_keys):
    settings = Settings(person_accounts=True)
    async with SalesforceOrg.serve(key_folder=org_keys, settings=settings) as org:
        yield org


def order(number: int, **more: Any) -> Document:
    body = {
        "increment_id": f"{number:09d}",
        "state": "new",
        "customer_email": ANNA,
        "customer_firstname": "Anna",
        "customer_lastname": "Berg",
        "grand_total": number,
        "created_at": "2026-03-14 18:00:00",
        "updated_at": "2026-03-14 18:00:00",
        **more,
    }
    return Document("order_saved", Kind.ORDER, body["increment_id"], body, "")


async def written(org: SalesforceOrg, text: str, *documents: Document) -> list[WriteOutcome]:
    settings = settings_for(org, salesforce_calls_per_second=1000.0)
    client = build_client(settings, alerts=Alerts())
    try:
        plain = Mapping.parse(text)
        describes = {name: await client.describe(name) for name in plain.sobjects}
        client.guard_from(describes)
        mapping = plain.refined(describes)
        dispatcher = build_dispatcher(settings, client, Alerts(), Interrupt())
        bundles = []
        for document in documents:
            mapped = mapping.apply(document)
            bundles.append(WriteSet(document.key, mapped.rows, mapped.lock_key))
        async with asyncio.timeout(60):
            return await dispatcher.send(bundles)
    finally:
        client.close()


async def test_orders_of_a_person_hang_on_one_account(org):
    outcomes = await written(org, default_text(PERSON_FILE), *(order(n) for n in range(1, 6)))
    assert {type(outcome) for outcome in outcomes} == {Written}
    tables = org.org.store.tables
    (person,) = tables["Account"].records.values()
    assert (person["IsPersonAccount"], person["Name"]) == (True, "Anna Berg")
    assert {o["AccountId"] for o in tables["Opportunity"].records.values()} == {person["Id"]}
    assert len(tables["Contact"].records) == 1  # the one that the platform keeps itself


async def test_a_person_who_was_there_before_gets_the_key_and_no_twin(org):
    dml, accounts = org.org.dml, org.org.store.tables["Account"]
    before = {"FirstName": "Anna", "LastName": "Berg", "PersonEmail": ANNA}
    prepared = dml.book.rules_for(accounts.sobject).prepare(before)
    made = dml.create(org.org.new_call(), accounts, prepared, before)
    assert made.is_written
    (outcome,) = await written(org, default_text(PERSON_FILE), order(1))
    assert isinstance(outcome, Written)
    assert made.id.startswith(outcome.ids["Account"])
    assert any("adopted" in note for note in outcome.notes)
    assert org.org.store.tables["Account"].records[made.id][KEY] == ANNA
