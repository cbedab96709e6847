"""The dispatcher, the real client and a simulated org over HTTP, whatever goes wrong between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.delivery_desk import CUSTOMER, Desk, are_written, at_work, order
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.types import NotSent, RefusedWrite, Stale, Written
from agents.salesforce.errors.error_kind import ErrorKind
from sandbox.salesforce.server import SalesforceOrg
from stream.ops.alerts import Alert

__all__ = ["org_keys", "salesforce_org"]


@pytest.fixture
async def desk(salesforce_org: SalesforceOrg) -> AsyncIterator[Desk]:
    async with at_work(salesforce_org) as desk:
        yield desk


async def test_a_thousand_orders_with_account_and_contact_take_five_calls(desk):
    outcomes = await desk.send(*(order(n) for n in range(1000)))
    assert are_written(outcomes)
    assert desk.writes == 5
    desk.check_books(orders=1000)


# Configuration, or every row of every call answered wrongly: parked until it is repaired.
HELD = ("api_disabled", "moved", "foreign_ids")


async def test_the_same_orders_again_double_nothing_and_change_no_customer(desk, salesforce_org):
    bundles = [order(n) for n in range(300)]
    await desk.send(*bundles)
    async with at_work(salesforce_org) as another:  # it remembers nothing
        outcomes = await another.send(*bundles)
    assert are_written(outcomes)
    desk.check_books(orders=300)
    accounts = list(desk.org.history.entries(sobject="Account"))
    assert len(accounts) == 300


@pytest.mark.parametrize(
    "kind",
    [
        *("unavailable", "unavailable_html", "bad_gateway", "unknown_exception", "rate_limited"),
        *("concurrency", "quota", "edge", "not_acceptable", "html", "session_expired"),
        *("empty", "cut_before", "cut_after", "truncated", "wrong_length", "running_too_long"),
        *("not_valid_for_rest", "redirect", "api_disabled", "moved"),
        *("firewall", "wrapped", "no_under_yes", "foreign_ids"),
    ],
)
async def test_one_fault_of_any_kind_costs_nothing_and_doubles_nothing(desk, kind):
    desk.arm(kind, times=1, match={"path": "composite"})
    bundles = [order(n) for n in range(50)]
    outcomes = await desk.send(*bundles)
    if kind in HELD:
        assert {type(outcome) for outcome in outcomes} == {NotSent}
        outcomes = await desk.send(*bundles)
    assert are_written(outcomes)
    desk.check_books(orders=50)


async def test_a_storm_of_503_opens_the_breaker_and_costs_nobody_an_attempt(desk):
    desk.arm("unavailable", times=12, match={"path": "composite"})
    outcomes = await desk.send(*(order(n) for n in range(1000)))
    assert are_written(outcomes)
    assert desk.fired == [Alert.BREAKER_OPEN]
    assert desk.alerts.active == {}
    desk.check_books(orders=1000)


async def test_calls_that_are_carried_out_but_never_answered_double_nothing(salesforce_org):
    async with at_work(salesforce_org, salesforce_timeout_seconds=0.3) as desk:
        desk.arm("stall_after", times=2, seconds=2.0, match={"path": "composite"})
        outcomes = await desk.send(*(order(n) for n in range(40)))
        assert are_written(outcomes)
        summary: Any = desk.org.summary()
        assert summary["records"]["Opportunity"] == 40
        assert summary["duplicates"] == []


async def test_locked_rows_are_repeated_alone(desk):
    desk.arm("row_error", times=3, code="UNABLE_TO_LOCK_ROW", external_id_pattern="^o1[0-2]$")
    outcomes = await desk.send(*(order(n) for n in range(100)))
    assert are_written(outcomes)
    rows = [call["rows"] for call in desk.org.counts.log if "composite" in call["name"]]
    assert rows == [300, 3]


async def test_orders_of_a_few_customers_never_lock_each_other(salesforce_org):
    salesforce_org.org.settings.change({"lock_contention": True, "latency_ms": 30.0})
    async with at_work(salesforce_org, salesforce_concurrency=10) as desk:
        outcomes = await desk.send(
            *(order(n, customer=f"c{n % 7}@example.com") for n in range(900))
        )
        assert are_written(outcomes)
        desk.check_books(orders=900)
        assert desk.org.history.summary()["refused_rows"] == {}


async def test_one_poisoned_row_is_found_and_the_other_199_are_written(desk):
    desk.arm("poison", external_id="o123")
    outcomes = await desk.send(*(order(n) for n in range(200)))
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 199
    refused = outcomes[123]
    assert isinstance(refused, RefusedWrite)
    assert (refused.code, refused.sobject) == ("JSON_PARSER_ERROR", "Opportunity")
    assert desk.writes <= 1 + 16
    assert desk.fired == []


async def test_a_refused_row_names_code_fields_and_fix(desk):
    bad = order(3, StageName="x" * 300)
    outcomes = await desk.send(order(1), bad, order(2))
    assert [type(outcome) for outcome in outcomes] == [Written, RefusedWrite, Written]
    assert outcomes[1].kind is ErrorKind.PERMANENT
    assert outcomes[1].fields == ("StageName",)
    assert outcomes[1].fix


async def test_a_row_that_cannot_be_written_as_json_costs_only_itself(desk):
    bundles = [order(n) for n in range(20)]
    bundles[5] = order(5, Description="\ud800")
    bundles[6] = order(6, Amount=2**70)
    outcomes = await desk.send(*bundles)
    assert [n for n, outcome in enumerate(outcomes) if isinstance(outcome, RefusedWrite)] == [5, 6]
    assert outcomes[5].code == "NOT_ENCODABLE"
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 18


async def test_a_field_the_org_lacks_in_every_order_holds_orders_and_nobody_else(desk):
    outcomes = await desk.send(*(order(n, Nope__c="x") for n in range(200)))
    assert {type(outcome) for outcome in outcomes} == {NotSent}
    assert desk.fired == [Alert.WRITES_HELD]
    assert "INVALID_FIELD" in outcomes[0].reason


async def test_a_field_the_org_lacks_in_one_row_of_many_is_that_rows_error(desk):
    bundles = [order(n) for n in range(50)]
    bundles[7] = order(7, Nope__c="x")
    outcomes = await desk.send(*bundles)
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 49
    assert isinstance(outcomes[7], RefusedWrite)
    assert desk.fired == []


async def test_an_older_state_is_refused_by_the_org_itself(desk):
    await desk.send(order(1, version="2026-02-02T00:00:00Z"))
    (outcome,) = await desk.send(order(1, version="2026-02-01T00:00:00Z"))
    assert isinstance(outcome, Stale)
    desk.check_books(orders=1)


async def test_a_customer_deleted_in_salesforce_comes_back_with_the_next_order(desk):
    await desk.send(order(1, "anna@example.com"))
    table = desk.org.store.tables["Account"]
    for key in list(table.records):
        table.remove(key)
    (outcome,) = await desk.send(order(2, "anna@example.com"))
    assert isinstance(outcome, Written)
    assert table.ids_with(CUSTOMER, "anna@example.com")


async def test_tokens_that_expire_amid_the_calls_lose_nothing(salesforce_org):
    salesforce_org.org.settings.change({"latency_ms": 20.0})
    async with at_work(salesforce_org) as desk:
        sending = asyncio.create_task(desk.send(*(order(n) for n in range(1500))))
        await asyncio.sleep(0.05)
        salesforce_org.sessions.expire_all()
        assert are_written(await sending)
        desk.check_books(orders=1500)


async def test_our_share_of_the_day_is_never_exceeded(salesforce_org):
    salesforce_org.org.settings.change({"daily_limit": 40})
    async with at_work(salesforce_org, salesforce_daily_share=0.5) as desk:

        async def trickle() -> None:
            for number in range(100):
                await desk.send(order(number))

        task = asyncio.create_task(trickle())
        async with asyncio.timeout(30):
            while Alert.BUDGET_LOW not in desk.fired or desk.org.settings.calls_used < 20:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert desk.org.settings.calls_used == 20
        desk.interrupt.set("end of the test")
        await task


async def test_a_sigterm_in_an_outage_answers_every_bundle_without_an_attempt(desk):
    desk.arm("unavailable", match={"path": "composite"})
    task = asyncio.create_task(desk.send(*(order(n) for n in range(1000))))
    async with asyncio.timeout(30):
        while Alert.BREAKER_OPEN not in desk.fired:
            await asyncio.sleep(0.01)
    desk.interrupt.set("SIGTERM")
    outcomes = await task
    assert {type(outcome) for outcome in outcomes} == {NotSent}
    assert len(outcomes) == 1000
