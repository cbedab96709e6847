"""Refused calls and collections: who is to blame, who is written, what opens the breaker."""

from __future__ import annotations

import asyncio

import pytest
from support.dispatch_bench import make, order, send
from support.fake_org import (
    HANGS,
    NO_FIELD,
    TIMEOUT,
    TOO_LONG,
    UNAVAILABLE,
    FakeOrg,
    failed,
    refused,
    times,
    whenever,
)

from agents.delivery.types import NotSent, RefusedWrite, Written
from agents.salesforce.api.composite import CollectionAnswer
from agents.salesforce.errors.automation_codes import VALIDATION, WRAPPERS
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.interrupt import Interrupt
from schemas.salesforce import RowError
from stream.ops.alerts import Alert, Alerts


async def test_a_request_refused_for_one_row_is_searched_within_sixteen_calls():
    for guilty in (0, 1, 63, 100, 198, 199):
        for code in ("JSON_PARSER_ERROR", "ODD_CODE"):
            org = FakeOrg()
            org.call_faults.append(whenever(f"o{guilty}", refused(400, code)))
            outcomes = await send(make(org), *(order(n) for n in range(200)))
            assert sum(isinstance(outcome, Written) for outcome in outcomes) == 199
            assert isinstance(outcomes[guilty], RefusedWrite)
            assert outcomes[guilty].code == code
            assert len(org.calls) <= 1 + 16


async def test_a_refused_collection_is_searched_and_its_neighbours_are_written_at_once():
    org = FakeOrg()
    org.poison["o150"] = refused(400, "JSON_PARSER_ERROR")
    outcomes = await send(make(org), *(order(n) for n in range(200)))
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 199
    assert isinstance(outcomes[150], RefusedWrite)
    assert outcomes[150].sobject == "Opportunity"
    assert len(org.calls) <= 1 + 16
    assert all([c.sobject for c in call] == ["Opportunity"] for call in org.calls[1:])


async def test_several_guilty_rows_are_all_found():
    org = FakeOrg()
    for guilty in ("o3", "o77", "o78", "o199"):
        org.poison[guilty] = refused(400, "JSON_PARSER_ERROR")
    outcomes = await send(make(org), *(order(n) for n in range(200)))
    assert [n for n, o in enumerate(outcomes) if isinstance(o, RefusedWrite)] == [3, 77, 78, 199]
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 196


async def test_a_missing_field_opens_the_breaker_instead_of_filling_the_dead_letters():
    org, alerts = FakeOrg(), Alerts()
    org.call_faults.append(whenever(r"o\d+", refused(400, "INVALID_FIELD", "No such column")))
    outcomes = await send(make(org, alerts=alerts), *(order(n) for n in range(200)))
    assert {type(outcome) for outcome in outcomes} == {NotSent}
    assert "INVALID_FIELD" in outcomes[0].reason
    assert alerts.active.keys() == {Alert.BREAKER_OPEN}
    assert len(org.calls) == 4


async def test_a_permission_missing_for_every_order_holds_orders_and_nothing_else():
    org, alerts = FakeOrg(), Alerts()
    org.always |= {f"o{n}": NO_FIELD for n in range(10)}
    outcomes = await send(make(org, alerts=alerts), *(order(n) for n in range(10)))
    assert {type(outcome) for outcome in outcomes} == {NotSent}
    assert alerts.active.keys() == {Alert.WRITES_HELD}


async def test_a_permission_missing_for_one_row_of_many_is_that_rows_error():
    org, alerts = FakeOrg(), Alerts()
    org.always["o3"] = NO_FIELD
    outcomes = await send(make(org, alerts=alerts), *(order(n) for n in range(10)))
    assert isinstance(outcomes[3], RefusedWrite)
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 9
    assert alerts.active == {}


async def test_a_broken_configuration_at_a_trickle_never_reaches_the_dead_letters():
    org, alerts = FakeOrg(), Alerts()
    org.call_faults.append(whenever(r"o\d+", refused(400, "INVALID_FIELD", "No such column")))
    dispatcher = make(org, alerts=alerts)
    for number in range(5):
        (outcome,) = await send(dispatcher, order(number))
        assert isinstance(outcome, NotSent)
    assert Alert.BREAKER_OPEN in alerts.active


async def test_a_repaired_configuration_closes_the_breaker_by_itself():
    org, alerts = FakeOrg(), Alerts()
    org.call_faults.append(whenever(r"o\d+", refused(400, "INVALID_FIELD", "No such column")))
    dispatcher = make(org, alerts=alerts)
    await send(dispatcher, *(order(n) for n in range(20)))
    calls_before = len(org.calls)
    (still,) = await send(dispatcher, order(1))
    assert isinstance(still, NotSent)
    assert len(org.calls) == calls_before + 1
    org.call_faults.clear()
    (outcome,) = await send(dispatcher, order(1))
    assert isinstance(outcome, Written)
    assert alerts.active == {}


async def test_a_forbidden_api_is_configuration_at_once():
    org = FakeOrg()
    org.call_faults.append(whenever(".*", refused(403, "API_DISABLED_FOR_ORG")))
    outcomes = await send(make(org), *(order(n) for n in range(200)))
    assert {type(outcome) for outcome in outcomes} == {NotSent}
    assert len(org.calls) == 1


async def test_an_outage_costs_nobody_an_attempt():
    org, alerts = FakeOrg(), Alerts()
    org.call_faults.append(times(12, UNAVAILABLE))
    dispatcher = make(org, alerts=alerts)
    outcomes = await send(dispatcher, *(order(n) for n in range(600)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert alerts.active == {}


async def test_a_call_cut_after_the_write_is_repeated_and_nothing_doubles():
    org = FakeOrg()
    org.after_write = [TIMEOUT]
    outcomes = await send(make(org), *(order(n) for n in range(50)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert len(org.records) == 150


async def test_one_row_whose_trigger_hangs_holds_its_neighbours_for_a_few_deadlines():
    """Each send of it takes the whole deadline, a minute: it was sent three times at each halving,
    and six times alone before the other half of its call went.
    """
    org, deadlines, waited = FakeOrg(), [], {}
    hangs = whenever("o137", HANGS)

    def fault(collections):
        if (error := hangs(collections)) is not None:
            deadlines.append(1)
        else:
            for row in (row for c in collections for row in c.rows):
                waited.setdefault(row.external_id, len(deadlines))
        return error

    org.call_faults.append(fault)
    bundles = [order(n) for n in range(200)]
    outcomes = await send(make(org, failures=10_000), *bundles)
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 199
    assert len(deadlines) <= 8
    waits = sorted(waited[f"o{n}"] for n in range(200) if n != 137)
    assert (waits[150], waits[-1]) <= (2, 5)


async def test_an_org_whose_writes_all_hang_charges_nobody():
    org = FakeOrg()
    org.call_faults.append(lambda _collections: HANGS)
    asyncio.get_running_loop().call_later(0.3, org.call_faults.clear)
    outcomes = await send(make(org), *(order(n) for n in range(40)))
    assert not [outcome for outcome in outcomes if isinstance(outcome, RefusedWrite)]


async def test_a_request_that_runs_too_long_is_halved_until_it_passes():
    org = FakeOrg()

    def too_many(collections):
        rows = sum(len(c.rows) for c in collections)
        return refused(400, "REQUEST_RUNNING_TOO_LONG") if rows > 100 else None

    org.call_faults.append(too_many)
    outcomes = await send(make(org), *(order(n) for n in range(200)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)


async def test_rows_that_are_too_many_for_a_trigger_are_repeated_in_smaller_calls():
    org = FakeOrg()
    honest = org._answer
    text = "Trigger: System.LimitException: Too many SOQL queries: 101"
    choked = failed(RowError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text))

    def choking(collection):
        if collection.sobject == "Opportunity" and len(collection.rows) > 20:
            return CollectionAnswer(results=(choked,) * len(collection.rows))
        return honest(collection)

    org._answer = choking
    outcomes = await send(make(org), *(order(n) for n in range(200)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)


async def test_a_row_that_makes_salesforce_fail_inside_is_found_while_others_pass():
    org = FakeOrg()
    org.call_faults.append(whenever("o5", refused(500, "UNKNOWN_EXCEPTION")))
    outcomes = await send(make(org, failures=100), *(order(n) for n in range(40)))
    assert isinstance(outcomes[5], RefusedWrite)
    assert outcomes[5].kind is ErrorKind.TRANSIENT
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 39


async def test_rows_are_not_suspected_while_nobody_gets_through():
    org, interrupt = FakeOrg(), Interrupt()
    org.call_faults.append(whenever(".*", refused(500, "UNKNOWN_EXCEPTION")))
    org.limits_answer = UNAVAILABLE
    task = asyncio.create_task(send(make(org, interrupt=interrupt), order(1)))
    while len(org.calls) < 12:
        await asyncio.sleep(0.005)
    interrupt.set("SIGTERM")
    (outcome,) = await task
    assert isinstance(outcome, NotSent)


CHUNK_FAILURES = [
    "Orders: AfterInsert caused by: System.NullPointerException",
    "Orders: AfterInsert caused by: System.DmlException: first error: REQUIRED_FIELD_MISSING, []",
]


@pytest.mark.parametrize("code", [*WRAPPERS[:1], *VALIDATION])
@pytest.mark.parametrize("text", CHUNK_FAILURES)
@pytest.mark.parametrize("beside", [None, TOO_LONG])
async def test_one_row_that_makes_a_trigger_refuse_costs_no_row_of_its_collection(
    code, text, beside
):
    """Of an exception or `addError` on all rows it had; one refused before it says otherwise."""
    org = FakeOrg()
    honest = org._answer
    thrown = failed(RowError(code, text))

    def throwing(collection):
        if "o5" not in {row.external_id for row in collection.rows}:
            return honest(collection)
        refusals = {"o7": failed(beside)} if beside else {}
        rows = collection.rows
        return CollectionAnswer(results=tuple(refusals.get(r.external_id, thrown) for r in rows))

    org._answer = throwing
    if beside:
        org.always["o7"] = beside
    outcomes = await send(make(org), *(order(n) for n in range(40)))
    guilty = [place for place, one in enumerate(outcomes) if not isinstance(one, Written)]
    assert guilty == ([5, 7] if beside else [5])
    assert all(isinstance(outcomes[place], RefusedWrite) for place in guilty)


async def test_what_a_rule_says_of_some_rows_is_theirs_where_others_of_their_way_pass():
    org = FakeOrg()
    rule = RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Betrag fehlt")
    org.always |= {f"o{number}": rule for number in range(10)}
    outcomes = await send(make(org), *(order(number) for number in range(40)))
    assert [isinstance(outcome, Written) for outcome in outcomes] == [False] * 10 + [True] * 30
    assert len(org.calls) == 1


async def test_a_trigger_that_lets_nobody_in_costs_no_order_of_customers_who_are_there():
    org = FakeOrg()
    await send(make(org), *(order(number) for number in range(40)))
    honest = org._answer
    thrown = failed(RowError(WRAPPERS[0], CHUNK_FAILURES[0]))

    def throwing(collection):
        if (collection.sobject, collection.method) != ("Contact", "create"):
            return honest(collection)
        return CollectionAnswer(results=(thrown,) * len(collection.rows))

    org._answer = throwing
    org.calls.clear()
    outcomes = await send(make(org), *(order(40 + n, f"c{n}") for n in range(40)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert len(org.calls) == 1  # and a query, which runs no trigger
