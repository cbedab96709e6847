"""Failures of one order's calls, looked for by halves, open no breaker; an outage of writes does."""

from __future__ import annotations

import asyncio

import pytest
from support.fake_org import FakeOrg, make_gate, opportunity, refused, whenever

from agents.delivery.dispatcher import SalesforceDispatcher
from agents.delivery.retry_in_place import RetryInPlace
from agents.delivery.types import NotSent, RefusedWrite, WriteSet, Written
from agents.pacing.system_failure import is_overload
from agents.salesforce.http.answers import refusal_of
from stream.backoff import Backoff
from stream.ops.alerts import Alert, Alerts

QUICK = RetryInPlace(backoff=Backoff(0.001, 0.002))
FAILURES = [
    refused(500, "UNKNOWN_EXCEPTION"),
    refusal_of(403, {}, b"<html>Access Denied"),
    refusal_of(302, {}, b""),
]


class Worker:
    """A dispatcher whose breaker, once open, stays so: nobody waits for its probe."""

    def __init__(self, org: FakeOrg) -> None:
        self.told: list[Alert] = []
        alerts = Alerts()
        alerts.listeners.append(lambda alert, detail: self.told.append(alert) if detail else None)
        self.gate = make_gate(alerts=alerts, probe_seconds=3600.0)
        self.dispatcher = SalesforceDispatcher(org, self.gate, policy=QUICK)

    async def send(self, count: int) -> list[object]:
        writes = [WriteSet(f"o{n}", (opportunity(f"o{n}"),)) for n in range(count)]
        async with asyncio.timeout(20):
            return list(await self.dispatcher.send(writes))


@pytest.mark.parametrize("error", FAILURES)
@pytest.mark.parametrize(("count", "guilty"), [(1, 0), (2, 0), (16, 0), (16, 15), (64, 21)])
async def test_one_order_that_the_org_fails_on_opens_no_breaker(error, count, guilty) -> None:
    """Alone in a quiet hour it failed six times, and everybody waited for the next probe, which it
    met again."""
    org = FakeOrg()
    org.call_faults.append(whenever(f"o{guilty}", error))
    worker = Worker(org)
    outcomes = await worker.send(count)
    assert isinstance(outcomes.pop(guilty), NotSent | RefusedWrite)
    assert {type(outcome) for outcome in outcomes} <= {Written}
    assert worker.gate.open_for is None
    assert Alert.BREAKER_OPEN not in worker.told


async def send_until_open(worker: Worker, count: int) -> None:
    """Send orders that nobody takes until the breaker is open."""
    task = asyncio.create_task(worker.send(count))
    async with asyncio.timeout(20):
        while worker.gate.open_for is None:
            await asyncio.sleep(0)
    task.cancel()


async def test_writes_that_all_fail_open_it_though_the_org_answers_other_questions() -> None:
    org = FakeOrg()
    org.call_faults.append(lambda _collections: refused(500, "UNKNOWN_EXCEPTION"))
    worker = Worker(org)
    await send_until_open(worker, 64)
    assert len(org.calls) <= 60, "some calls tell three orders apart, then nobody calls"
    assert worker.told == [Alert.WRITES_HELD, Alert.BREAKER_OPEN]


@pytest.mark.parametrize(
    "away",
    [
        refused(503, ""),
        refusal_of(400, {}, b"<html>Access Declined"),  # SalesforceLabs/OrgCheck#74
        refusal_of(403, {}, b"<html>Access Denied"),
        refusal_of(302, {}, b""),
    ],
)
async def test_an_org_that_answers_nothing_opens_it_at_once(away) -> None:
    org = FakeOrg()
    org.limits_answer = away
    org.call_faults.append(lambda _collections: away)
    worker = Worker(org)
    await send_until_open(worker, 16)
    assert len(org.calls) == 5


def test_who_is_declined_by_the_edge_calls_less_at_once() -> None:
    assert is_overload(refusal_of(400, {}, b"<html>Access Declined"))
    assert not is_overload(refusal_of(400, {}, b'[{"errorCode":"JSON_PARSER_ERROR"}]'))
