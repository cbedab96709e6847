"""An administrator changes the org while a worker runs: nobody pays for what it knew before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from support.handler_world import NOW, TOPICS, handled
from support.renaming_world import Worker, order
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.handling.handler import Handler
from agents.handling.outcome import Decision
from agents.pacing.stall_clock import Progress
from agents.worker.org_schema import OrgSchema
from agents.worker.shutdown import Shutdown
from sandbox.salesforce.records import features
from sandbox.salesforce.records.schema import edited
from schemas.event import Envelope, Kind, Origin
from schemas.result import Outcome
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]

MINUTE = 60.0


class Shop(Worker):
    """A worker from the event to the org, whose clock stands until it is moved."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.now = 0.0
        self.states: dict[bytes, Any] = {}
        self.schema = OrgSchema(
            client=self.client,
            mapping=self.mapping,
            alerts=Alerts(),
            life=Shutdown(),
            progress=Progress(),
            probe_seconds=0.01,
            clock=lambda: self.now,
        )
        self.handler = Handler(
            org_mapping=self.schema.mapping,
            doubt_org=self.schema.doubt,
            dispatcher=self.dispatcher,
            get_state=lambda _partition, key: self.states.get(key),
            check_alive=lambda: None,
            topics=TOPICS,
            clock_ms=lambda: NOW,
        )

    async def take(self, number: int, *, attempt: int = 0, **order_fields: Any) -> Decision:
        body = order(number, f"c{number}@example.com", number)
        body["order"] |= order_fields
        key = f"{number:09d}"
        envelope = Envelope(
            event_id=f"e{number}",
            event="sales_order_save_commit_after",
            kind=Kind.ORDER,
            key=key,
            received_at_ms=NOW - 1000,
            value=orjson.dumps(body),
            attempt=attempt,
            origin=Origin("magento.orders", 0, number, NOW),
        )
        async with asyncio.timeout(60):
            (decision,) = await handled(self.handler, [envelope])
        if decision.state is not None:
            self.states[f"order:{key}".encode()] = decision.state
        return decision

    def edit(self, sobject: str, name: str, **changes: Any) -> None:
        described = self.org.store.schema[sobject]
        described.put(replace(edited(described.fields[name], changes), name=name))

    def switch(self, **settings: Any) -> None:
        self.org.settings.change(settings)
        features.apply(self.org.store.schema, self.org.settings)


@pytest.fixture
async def shop(salesforce_org) -> AsyncIterator[Shop]:
    shop = Shop(salesforce_org)
    assert (await shop.take(1)).result.outcome is Outcome.SYNCED
    shop.now += 20 * MINUTE
    yield shop
    shop.client.close()


def billing(**fields: Any) -> dict[str, Any]:
    where = {"street": ["Main St 1"], "city": "Springfield", "postcode": "1", "country_id": "US"}
    return {"billing_address": {**where, **fields}}


LONG = billing(city="Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch")


async def test_a_field_that_was_shortened_cuts_the_next_order_and_refuses_none(shop):
    shop.edit("Opportunity", "Billing_City__c", length=20)
    first = await shop.take(2, **LONG)
    assert first.result.outcome is Outcome.RETRY, first.result
    again = await shop.take(2, attempt=1, **LONG)
    assert again.result.outcome is Outcome.SYNCED
    assert any("Billing_City__c: cut from" in note for note in again.result.notes)


async def test_address_picklists_switched_on_refuse_no_order(shop):
    shop.switch(address_picklists=True)
    await shop.take(3, **billing(region="Ohio"))
    decision = await shop.take(3, attempt=1, **billing(region="Ohio"))
    assert decision.result.outcome is Outcome.SYNCED, decision.result


async def test_a_currency_that_was_activated_is_taken_by_the_order_that_is_requeued(salesforce_org):
    """The dead letter says: activate it, then requeue."""
    shop = Shop(salesforce_org)
    shop.switch(currencies="USD,-EUR")
    euros = {"order_currency_code": "EUR"}
    assert (await shop.take(2, **euros)).result.outcome is Outcome.DEAD
    shop.now += 10 * MINUTE
    shop.switch(currencies="USD,EUR")
    assert (await shop.take(2, **euros)).result.outcome is Outcome.SYNCED
    assert shop.one("Opportunity")["CurrencyIsoCode"] == "EUR"
    shop.client.close()


@pytest.mark.parametrize("name", ["Magento_Updated_At__c", "Magento_Customer_ID__c"])
async def test_a_field_of_ours_that_was_taken_away_holds_nobody_for_an_hour(shop, name):
    """Without them a worker starts and writes; with what it knew before, it waited."""
    for sobject in ("Account", "Contact", "Opportunity"):
        if name in shop.org.store.schema[sobject].fields:
            shop.org.store.schema[sobject].drop(name)
    await shop.take(4)
    assert (await shop.take(4)).result.outcome is Outcome.SYNCED


async def test_an_order_that_no_description_explains_dies_and_costs_few_calls(shop):
    shop.org.faults.add(
        {"kind": "row_error", "code": "STRING_TOO_LONG", "external_id": "000000005"}
    )
    await shop.take(6)
    before = shop.org.counts.as_dict()["total"]
    outcomes = []
    for attempt in range(2):
        outcomes.append((await shop.take(5, attempt=attempt)).result.outcome)
        await shop.take(7 + attempt)
        shop.now += 0.5 * MINUTE
    assert outcomes == [Outcome.RETRY, Outcome.DEAD]
    for number in range(10, 20):
        shop.now += 0.1 * MINUTE
        await shop.take(number)
    assert shop.org.counts.as_dict()["total"] - before < 40
