"""One sObject that nobody may write while the rest of a call passes: it waits, for itself alone."""

from __future__ import annotations

import asyncio

import pytest
from support.fake_org import FakeOrg, account, contact, make_gate, opportunity, refused, whenever

from agents.delivery.dispatcher import SalesforceDispatcher
from agents.delivery.retry_in_place import RetryInPlace
from agents.delivery.types import NotSent, RefusedWrite, WriteSet, Written
from agents.salesforce.api.composite import CollectionAnswer
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import bad_answer
from schemas.salesforce import RowError
from stream.backoff import Backoff
from stream.ops.alerts import Alert, Alerts

NO_TIME = RetryInPlace(backoff=Backoff(0.0, 0.0))


class OrgThatRefusesOrders(FakeOrg):
    """Answers the collections of orders with an error, and all others as always."""

    error: SalesforceError | None = None

    def _answer(self, collection):
        if self.error is not None and collection.sobject == "Opportunity":
            return CollectionAnswer(error=self.error)
        return super()._answer(collection)


def customer(number: int) -> WriteSet:
    who = f"k{number}"
    return WriteSet(who, (account(who), contact(f"p-{who}", who)), lock_key=who)


def order(number: int) -> WriteSet:
    who = f"c{number}"
    rows = (account(who), contact(f"p-{who}", who), opportunity(f"o{number}", who))
    return WriteSet(f"o{number}", rows, lock_key=who)


def make(org: FakeOrg, **options) -> SalesforceDispatcher:
    gate = make_gate(probe_seconds=0.001, **options)
    return SalesforceDispatcher(org, gate, policy=NO_TIME, jitter=lambda: 0.0)


async def send(dispatcher: SalesforceDispatcher, *writes: WriteSet):
    async with asyncio.timeout(20):
        return await dispatcher.send(writes)


PARTS = {
    "unreadable": bad_answer("nothing"),
    "too large": refused(413, ""),
    "forbidden": refused(403, "FUNCTIONALITY_NOT_ENABLED", "Não"),
    "unknown field": refused(404, "NOT_FOUND", "見つかりません"),
    "a code of next year": refused(400, "CODE_OF_2031"),
    "failed inside": refused(500, "UNKNOWN_EXCEPTION"),
    "gone": refused(410, "GONE"),
}


@pytest.mark.parametrize("error", PARTS.values(), ids=PARTS)
async def test_orders_that_are_refused_as_a_part_wait_while_customers_pass(error):
    org, alerts = OrgThatRefusesOrders(), Alerts()
    org.error = error
    dispatcher = make(org, alerts=alerts)
    for turn in range(5):
        new = [customer(turn), order(100 + turn)]
        customers, *orders = await send(dispatcher, *new, *(order(n) for n in range(6)))
        assert isinstance(customers, Written)
        assert {type(outcome) for outcome in orders} == {NotSent}
    org.error = None
    outcomes = await send(dispatcher, *(order(n) for n in range(6)))
    assert {type(outcome) for outcome in outcomes} == {Written}


async def test_an_object_that_nobody_may_write_opens_no_breaker_for_the_others():
    org, alerts = OrgThatRefusesOrders(), Alerts()
    org.error = refused(403, "FUNCTIONALITY_NOT_ENABLED")
    await send(make(org, alerts=alerts), *(order(n) for n in range(6)), customer(1))
    assert alerts.active.keys() == {Alert.WRITES_HELD}


async def test_parents_that_nobody_sees_any_more_bury_no_orders():
    org = FakeOrg()
    org.always = {f"o{n}": RowError("INVALID_FIELD", "見つかりません") for n in range(100)}
    dispatcher = make(org)
    for turn in range(6):
        outcomes = await send(dispatcher, *(order(n) for n in range(turn, turn + 6)))
        assert {type(outcome) for outcome in outcomes} == {NotSent}
    org.always = {}
    outcomes = await send(dispatcher, *(order(n) for n in range(6)))
    assert {type(outcome) for outcome in outcomes} == {Written}


@pytest.mark.parametrize("status", [200, 201, 204, 500, 501, 507, 520, 599])
async def test_one_order_whose_call_never_ends_well_stops_no_other(status):
    org = FakeOrg()
    error = bad_answer("no", status=status) if status < 300 else refused(status, "")
    org.call_faults.append(whenever("o5", error))
    dispatcher = make(org, failures=1000)
    numbers = [1, 5, 2, 3]
    *_, first = await send(dispatcher, *(order(n) for n in numbers), order(9))
    assert isinstance(first, Written)
    (guilty,) = await send(dispatcher, order(5))
    assert isinstance(guilty, RefusedWrite)
