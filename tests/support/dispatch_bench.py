"""A dispatcher over an org in memory, and orders to write."""

from __future__ import annotations

import asyncio

from agents.delivery.dispatcher import SalesforceDispatcher
from agents.delivery.retry_in_place import RetryInPlace
from agents.delivery.types import WriteSet
from stream.backoff import Backoff
from support.fake_org import (
    FakeOrg,
    account,
    contact,
    make_gate,
    opportunity,
)

QUICK = RetryInPlace(backoff=Backoff(0.001, 0.002))


def make(org: FakeOrg, **options) -> SalesforceDispatcher:
    known = options.pop("known", None)
    return SalesforceDispatcher(org, make_gate(**options), known=known, policy=QUICK)


def order(number: int, customer: str = "", **fields) -> WriteSet:
    who = customer or f"c{number}"
    rows = (account(who), contact(f"p-{who}", who), opportunity(f"o{number}", who, **fields))
    return WriteSet(f"o{number}", rows, lock_key=who)


async def send(dispatcher: SalesforceDispatcher, *bundles: WriteSet):
    async with asyncio.timeout(20):
        return await dispatcher.send(bundles)
