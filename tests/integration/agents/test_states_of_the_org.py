"""An org in a state of the simulator's switches, over HTTP: what it refuses waits and is written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys, salesforce_org
from test_orgs_of_other_languages import order

from agents.delivery.dispatcher import build_dispatcher
from agents.delivery.types import NotSent, Written
from agents.salesforce.api.wiring import build_client
from agents.salesforce.interrupt import Interrupt
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]

STATES: dict[str, dict[str, Any]] = {
    "read-only": {"read_only": True},
    "storage-full": {"storage_full": True},
    "version-retired": {"retired_below": 66.0},
}
ENDED = {"read_only": False, "storage_full": False, "retired_below": 0.0}


class Shop:
    """Orders 1 to 4 are written; 1 to 8 are sent in each round."""

    def __init__(self, org: Any, **settings: Any) -> None:
        made = settings_for(org, breaker_probe_seconds=0.1, **settings)
        self.org, alerts = org.org, Alerts()
        self.client = build_client(made, alerts=alerts)
        self.dispatcher = build_dispatcher(made, self.client, alerts, Interrupt())

    async def send(self, numbers: range) -> list[Any]:
        bundles = [order(n, NextStep="again") for n in numbers]
        async with asyncio.timeout(60):
            return await self.dispatcher.send(bundles)

    async def during(self, **state: Any) -> list[Any]:
        """Return what becomes of a round that begins in the state; probes see its end."""
        self.org.settings.change(state)
        outcomes = await self.send(range(1, 9))
        self.org.settings.change(ENDED)
        return outcomes


@pytest.fixture
async def shop(salesforce_org):
    shop = Shop(salesforce_org)
    assert {type(o) for o in await shop.send(range(1, 5))} == {Written}
    yield shop
    shop.client.close()


@pytest.mark.parametrize("state", STATES)
async def test_nobody_pays_for_a_state_of_the_org_and_all_is_written_after_it(shop, state):
    outcomes = await shop.during(**STATES[state])
    assert {type(outcome) for outcome in outcomes[4:]} == {NotSent}
    assert {type(outcome) for outcome in outcomes[:4]} <= (
        {Written} if state == "storage-full" else {NotSent}
    )
    assert {type(outcome) for outcome in await shop.send(range(1, 9))} == {Written}
    assert shop.org.summary()["records"]["Opportunity"] == 8


@pytest.mark.parametrize("left", ["gone", "redirect"])
async def test_an_org_that_moves_takes_the_next_order(salesforce_org, left):
    there = salesforce_org.url.replace("127.0.0.1", "localhost")
    shop = Shop(salesforce_org, salesforce_insecure_url=f"{salesforce_org.url},{there}")
    try:
        await shop.send(range(1, 5))
        salesforce_org.org.settings.change({"instance_host": "localhost", "left_instance": left})
        assert {type(outcome) for outcome in await shop.send(range(1, 9))} == {Written}
        assert (await shop.client.token()).instance_url == there
    finally:
        shop.client.close()
