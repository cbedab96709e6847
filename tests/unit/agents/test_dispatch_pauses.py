"""A dispatcher that waits, is interrupted or fenced, and calls that fly side by side."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from structlog.testing import capture_logs
from support.dispatch_bench import make, order, send
from support.fake_org import (
    LOCKED,
    TOO_LONG,
    UNAVAILABLE,
    FakeOrg,
    account,
    opportunity,
    refused,
    times,
)

from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.types import NotSent, RefusedWrite, WriteSet, Written
from agents.pacing.daily_quota import DailyQuota
from agents.salesforce.api.composite import CollectionAnswer
from agents.salesforce.api.send_right import asked_before_requests
from agents.salesforce.http.usage import Usage
from agents.salesforce.interrupt import Interrupt
from schemas.priority import Priority
from stream.errors import FrozenError
from stream.ops.alerts import Alert, Alerts


async def test_an_interrupt_ends_every_wait():
    org, interrupt, alerts = FakeOrg(), Interrupt(), Alerts()
    org.call_faults.append(times(1000, UNAVAILABLE))
    dispatcher = make(org, interrupt=interrupt, alerts=alerts, probe_seconds=60)
    task = asyncio.create_task(send(dispatcher, *(order(n) for n in range(600))))
    while Alert.BREAKER_OPEN not in alerts.active:
        await asyncio.sleep(0.005)
    interrupt.set("SIGTERM")
    outcomes = await task
    assert {type(outcome) for outcome in outcomes} == {NotSent}
    assert "SIGTERM" in outcomes[0].reason
    assert "SERVER_UNAVAILABLE" in outcomes[0].reason


async def test_after_the_interrupt_is_cleared_it_goes_on():
    org, interrupt = FakeOrg(), Interrupt()
    dispatcher = make(org, interrupt=interrupt)
    interrupt.set("revoked")
    (outcome,) = await send(dispatcher, order(1))
    assert isinstance(outcome, NotSent)
    interrupt.clear()
    (outcome,) = await send(dispatcher, order(1))
    assert isinstance(outcome, Written)


async def test_a_breaker_open_for_too_long_gives_up_on_the_events():
    org = FakeOrg()
    org.call_faults.append(times(1000, UNAVAILABLE))
    dispatcher = make(org, give_up_seconds=0.05, probe_seconds=0.1)
    outcomes = await send(dispatcher, *(order(n) for n in range(10)))
    assert {outcome.is_given_up for outcome in outcomes} == {True}


async def test_a_broken_login_opens_the_breaker_at_once_and_heals():
    org, alerts = FakeOrg(), Alerts()
    org.call_faults.append(times(2, refused(401, "INVALID_SESSION_ID")))
    fired = []
    alerts.fire = lambda alert, _detail: fired.append(alert)  # type: ignore[method-assign]  # heard by this test
    (outcome,) = await send(make(org, alerts=alerts), order(1))
    assert isinstance(outcome, Written)
    assert fired == [Alert.AUTH_BROKEN]


async def test_a_spent_quota_pauses_and_goes_on():
    org = FakeOrg()
    org.call_faults.append(times(2, refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests")))
    (outcome,) = await send(make(org, probe_seconds=0.01), order(1))
    assert isinstance(outcome, Written)


async def test_backfill_never_stands_in_the_way_when_the_budget_runs_short():
    org = FakeOrg()
    dispatcher = make(org, budget=DailyQuota(share=0.8))
    dispatcher.gate.note_usage(Usage(700, 1000))
    backfill = dataclasses.replace(order(1), priority=Priority.BACKFILL)
    (outcome,) = await send(dispatcher, backfill)
    assert isinstance(outcome, NotSent)
    assert "budget" in outcome.reason
    (outcome,) = await send(dispatcher, order(2))
    assert isinstance(outcome, Written)


async def test_a_frozen_worker_stops_before_the_call_with_its_own_exception():
    org = FakeOrg()

    def frozen() -> None:
        raise FrozenError("slept")

    with pytest.raises(FrozenError), asked_before_requests(frozen):
        await send(make(org), *(order(n) for n in range(600)))
    assert org.calls == []


async def test_it_is_asked_before_every_call_whether_the_worker_is_alive():
    org, asked = FakeOrg(), []
    org.row_errors["o1"] = [LOCKED]
    with asked_before_requests(lambda: asked.append(1)):
        await send(make(org), order(1))
    assert len(asked) == len(org.calls) == 2


async def test_what_a_bug_kept_from_a_call_is_sent_again():
    org = FakeOrg()
    org.after_write = [KeyError("x")]
    with capture_logs() as logged:  # unrendered: a traceback with its locals takes seconds
        outcomes = await send(make(org), *(order(n) for n in range(3)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert [entry["event"] for entry in logged] == ["dispatch_bug"]


async def test_an_answer_of_the_wrong_length_is_repeated_and_never_mixed_up():
    org = FakeOrg()
    honest = org._answer
    spoilt = [1]

    def short(collection):
        answer = honest(collection)
        if spoilt and collection.sobject == "Contact":
            spoilt.pop()
            return CollectionAnswer(results=answer.results[:-1])
        return answer

    org._answer = short
    outcomes = await send(make(org), *(order(n) for n in range(4)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert [outcome.ids["Contact"] for outcome in outcomes] == [
        org.records["Contact", f"p-c{n}"]["id"] for n in range(4)
    ]


async def test_orders_of_one_customer_never_fly_in_parallel():
    org = FakeOrg()
    org.latency_seconds = 0.005
    bundles = [order(n, f"c{n % 5}") for n in range(700)]
    outcomes = await send(make(org), *bundles)
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert org.locked_together == []


async def test_calls_fly_side_by_side_up_to_the_slots():
    org = FakeOrg()
    org.latency_seconds = 0.02
    most = 0
    honest = org.composite

    async def watched(collections):
        nonlocal most
        task = asyncio.create_task(honest(collections))
        await asyncio.sleep(0.005)
        most = max(most, len(org.in_flight))
        return await task

    org.composite = watched
    await send(make(org, slots=3), *(order(n) for n in range(1600)))
    assert most == 3


async def test_a_merged_row_that_is_refused_does_not_condemn_the_innocent():
    org = FakeOrg()
    good, bad = account("anna", Fax="1"), account("anna", Fax="bad")
    honest = org._write

    def picky(row, method):
        if row.fields.get("Fax") == "bad":
            org.always["anna"] = TOO_LONG
        result = honest(row, method)
        org.always.pop("anna", None)
        return result

    org._write = picky
    outcomes = await send(
        make(org),
        WriteSet("o1", (good, opportunity("o1", "anna")), lock_key="anna"),
        WriteSet("o2", (bad, opportunity("o2", "anna")), lock_key="anna"),
    )
    assert isinstance(outcomes[0], Written)
    assert isinstance(outcomes[1], RefusedWrite)


async def test_what_is_remembered_is_bounded():
    org, known = FakeOrg(), ExistenceCache(max_records=10)
    await send(make(org, known=known), *(order(n) for n in range(50)))
    assert len(known) == 10
