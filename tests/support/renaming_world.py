"""Customers who change their e-mail, and two workers on one simulated org."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

from agents.delivery.dispatcher import build_dispatcher
from agents.delivery.types import WriteSet
from agents.handling.decode import take_in
from agents.mapping.mapping import Mapping
from agents.salesforce.api.wiring import build_client
from agents.salesforce.interrupt import Interrupt
from schemas.event import Envelope, Kind, Origin
from schemas.identity import PLAIN
from stream.ops.alerts import Alerts
from support.org_settings import settings_for

KEY, ID = "Magento_Customer_Key__c", "Magento_Customer_ID__c"
OLD, NEW = "greta@example.com", "greta@example.org"
RECEIVED_MS = 1_790_000_000_000


def customer(email: str, saved: str = "10:00:00", customer_id: int = 7) -> dict[str, Any]:
    return {
        "event": "customer_save_commit_after",
        "customer": {
            "id": customer_id,
            "email": email,
            "firstname": "Greta",
            "lastname": "Wolf",
            "website_id": 1,
            "updated_at": f"2026-03-14 {saved}",
        },
    }


def order(number: int, email: str, customer_id: int | None = 7) -> dict[str, Any]:
    return {
        "event": "sales_order_save_commit_after",
        "order": {
            "increment_id": f"{number:09d}",
            "customer_id": customer_id,
            "customer_email": email,
            "customer_firstname": "Greta",
            "customer_lastname": "Wolf",
            "grand_total": 10,
            "created_at": "2026-03-14 09:00:00",
            "updated_at": "2026-03-14 09:00:00",
        },
    }


class Worker:
    """A worker's dispatcher; several on one org have memories of their own."""

    def __init__(self, server: Any) -> None:
        self.org = server.org
        settings = settings_for(
            server, breaker_probe_seconds=0.1, salesforce_calls_per_second=1000.0
        )
        self.client = build_client(settings, alerts=Alerts())
        self.dispatcher = build_dispatcher(settings, self.client, Alerts(), Interrupt())
        self.mapping = Mapping.load()

    async def send(self, *bodies: dict[str, Any], waited: int = 0) -> list[Any]:
        await self.client.guard(self.mapping.sobjects)
        writes = [replace(one, waited=waited) for one in self.write_sets(*bodies)]
        async with asyncio.timeout(60):
            return await self.dispatcher.send(writes)

    def write_sets(self, *bodies: dict[str, Any]) -> list[WriteSet]:
        bundles = []
        for number, body in enumerate(bodies):
            origin = Origin("magento.orders", 0, number, RECEIVED_MS)
            envelope = Envelope(
                event_id=f"e{number}",
                event="",
                kind=Kind.ORDER,
                key="",
                received_at_ms=RECEIVED_MS,
                value=orjson.dumps(body),
                origin=origin,
            )
            item = take_in(envelope, identity=PLAIN)
            mapped = item.mapped_by(self.mapping, 300.0)
            bundles.append(WriteSet(item.document.key, mapped.rows, mapped.lock_key))
        return bundles

    def records(self, sobject: str) -> list[dict[str, Any]]:
        return list(self.org.store.tables[sobject].records.values())

    def one(self, sobject: str) -> dict[str, Any]:
        (record,) = self.records(sobject)
        return record


@pytest.fixture
async def workers(salesforce_org):
    both = Worker(salesforce_org), Worker(salesforce_org)
    yield both
    for worker in both:
        worker.client.close()
