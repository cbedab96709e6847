"""A dispatcher and the real client over HTTP to a simulated org, orders to write, and the books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from agents.delivery.dispatcher import SalesforceDispatcher
from agents.delivery.retry_in_place import RetryInPlace
from agents.delivery.types import WriteSet, Written
from agents.pacing.wiring import build_gate
from agents.salesforce.api.wiring import build_client
from agents.salesforce.http.usage import Usage
from agents.salesforce.interrupt import Interrupt
from sandbox.salesforce.server import SalesforceOrg
from schemas.salesforce import Row
from stream.backoff import Backoff
from stream.ops.alerts import Alert, Alerts
from support.org_settings import settings_for

CUSTOMER = "Magento_Customer_Key__c"
ORDER = "Magento_Order_ID__c"
QUICK = RetryInPlace(backoff=Backoff(0.02, 0.1))


def order(number: int, customer: str = "", *, version: str = "", **fields: Any) -> WriteSet:
    who = customer or f"c{number}@example.com"
    link = {"Account": {CUSTOMER: who}}
    opportunity = {
        "Name": f"Order {number}",
        "StageName": "Prospecting",
        "CloseDate": "2026-02-01",
        "Amount": 10.0 + number,
    }
    rows = (
        Row("Account", CUSTOMER, who, insert_fields={"Name": who}),
        Row("Contact", CUSTOMER, who, insert_fields={"LastName": who, **link}),
        Row("Opportunity", ORDER, f"o{number}", {**opportunity, **link, **fields}, {}, version),
    )
    return WriteSet(f"o{number}", rows, lock_key=who)


class Desk:
    """A dispatcher at work on an org."""

    def __init__(self, org: SalesforceOrg, dispatcher: SalesforceDispatcher) -> None:
        self.server = org
        self.org = org.org
        self.dispatcher = dispatcher
        self.alerts = Alerts()
        self.interrupt = Interrupt()
        self.fired: list[Alert] = []

    async def send(self, *bundles: WriteSet) -> list[Any]:
        async with asyncio.timeout(60):
            return await self.dispatcher.send(bundles)

    def arm(self, kind: str, **spec: Any) -> None:
        self.org.faults.add({"kind": kind, **spec})

    @property
    def writes(self) -> int:
        """API calls that carried rows."""
        return sum(n for path, n in self.org.counts.by_path.items() if "composite" in path)

    def check_books(self, orders: int) -> None:
        """Every record once, none stale, none created twice."""
        summary: Any = self.org.summary()
        assert summary["records"]["Opportunity"] == orders
        assert summary["duplicates"] == []
        assert summary["stale_writes"] == summary["created_again"] == 0
        assert summary["lock_collisions"] == 0


@asynccontextmanager
async def at_work(org: SalesforceOrg, **overrides: Any) -> AsyncIterator[Desk]:
    quick = {
        "breaker_probe_seconds": 0.1,
        "salesforce_auth_probe_seconds": 0.1,
        "salesforce_calls_per_second": 1000.0,
    }
    settings = settings_for(org, **{**quick, **overrides})
    desk = Desk(org, dispatcher=None)  # type: ignore[arg-type] - made below
    desk.alerts.listeners.append(
        lambda alert, detail: desk.fired.append(alert) if detail is not None else None
    )

    def note(usage: Usage) -> None:
        desk.dispatcher.gate.note_usage(usage)

    client = build_client(settings, alerts=desk.alerts, on_usage=note)
    gate = build_gate(settings, desk.alerts, desk.interrupt, ask_limits=client.limits)
    desk.dispatcher = SalesforceDispatcher(client, gate, policy=QUICK)
    await client.guard(["Account", "Contact", "Opportunity"])
    try:
        yield desk
    finally:
        client.close()
        for alert in desk.alerts.active:
            desk.alerts.resolve(alert)


def are_written(outcomes: Sequence[Any]) -> bool:
    return all(isinstance(outcome, Written) for outcome in outcomes)
