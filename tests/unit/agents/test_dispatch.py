from __future__ import annotations

import asyncio
import dataclasses

import pytest
from structlog.testing import capture_logs
from support.fake_org import (
    KEY,
    LOCKED,
    NEWER,
    NO_FIELD,
    TIMEOUT,
    TOO_LONG,
    UNAVAILABLE,
    FakeOrg,
    account,
    contact,
    failed,
    make_gate,
    opportunity,
    refused,
    times,
    whenever,
)

from agents.delivery.dispatcher import SalesforceDispatcher
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.retry_in_place import RetryInPlace
from agents.delivery.types import NotSent, RefusedWrite, Stale, WriteSet, Written
from agents.pacing.daily_quota import DailyQuota
from agents.salesforce.api.composite import CollectionAnswer
from agents.salesforce.api.send_right import asked_before_requests
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.http.usage import Usage
from agents.salesforce.interrupt import Interrupt
from schemas.priority import Priority
from schemas.salesforce import Row, RowError
from stream.backoff import Backoff
from stream.errors import FrozenError
from stream.ops.alerts import Alert, Alerts

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


async def test_an_order_is_written_with_its_customer_in_one_call():
    org = FakeOrg()
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Written)
    assert set(outcome.ids) == {"Account", "Contact", "Opportunity"}
    assert outcome.created == ("Account", "Contact", "Opportunity")
    assert outcome.calls == len(org.calls) == 1


async def test_no_bundles_are_no_calls():
    org = FakeOrg()
    assert await send(make(org)) == []
    assert org.calls == []


async def test_outcomes_come_in_the_order_of_the_bundles():
    org = FakeOrg()
    org.always["o7"] = TOO_LONG
    outcomes = await send(make(org), *(order(n) for n in range(450)))
    refused_places = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, RefusedWrite)]
    assert refused_places == [7]


async def test_a_thousand_orders_take_five_calls():
    org = FakeOrg()
    outcomes = await send(make(org), *(order(n) for n in range(1000)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert len(org.calls) == 5


async def test_what_an_order_knows_of_a_customer_never_changes_an_existing_one():
    org = FakeOrg()
    record_id = org.put("Account", "c1", Name="Kept by people")
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Written)
    assert outcome.ids["Account"] == record_id
    assert "Account" not in outcome.created
    assert org.fields_of("Account", "c1") == {"Name": "Kept by people"}


async def test_plain_fields_of_an_existing_record_follow_the_refused_create():
    org = FakeOrg()
    org.put("Account", "c1", Name="Kept", Fax="old")
    (outcome,) = await send(make(org), WriteSet("k", (account("c1", Fax="new"),)))
    assert isinstance(outcome, Written)
    assert org.fields_of("Account", "c1") == {"Name": "Kept", "Fax": "new"}
    assert [call[0].method for call in org.calls] == ["create", "upsert"]


async def test_a_customer_written_once_is_left_out_of_further_orders():
    org = FakeOrg()
    dispatcher = make(org)
    await send(dispatcher, order(1, "anna"))
    (outcome,) = await send(dispatcher, order(2, "anna"))
    assert isinstance(outcome, Written)
    assert [c.sobject for c in org.calls[1]] == ["Opportunity"]
    assert outcome.ids["Account"] == org.records["Account", "anna"]["id"]


async def test_a_customer_deleted_behind_our_back_is_created_again():
    org = FakeOrg()
    dispatcher = make(org)
    await send(dispatcher, order(1, "anna"))
    org.records.clear()
    (outcome,) = await send(dispatcher, order(2, "anna"))
    assert isinstance(outcome, Written)
    assert org.fields_of("Account", "anna") == {"Name": "anna"}
    assert org.has("Opportunity", "o2")


async def test_a_deleted_record_that_an_update_brings_back_gets_its_insert_fields_too():
    org = FakeOrg()
    dispatcher = make(org)
    bundle = WriteSet("k", (account("anna", Fax="1"),))
    await send(dispatcher, bundle)
    org.records.clear()
    (outcome,) = await send(dispatcher, bundle)
    assert isinstance(outcome, Written)
    assert outcome.created == ("Account",)
    assert org.fields_of("Account", "anna") == {"Name": "anna", "Fax": "1"}


async def test_a_duplicate_of_another_unique_field_is_the_records_own_error():
    org = FakeOrg()
    text = "duplicate value found: Tax_Id__c duplicates value on record with id: 001000000000009"
    org.always["c1"] = RowError("DUPLICATE_VALUE", text)
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, RefusedWrite)
    assert (outcome.code, outcome.sobject) == ("DUPLICATE_VALUE", "Account")


async def test_a_duplicate_whose_field_is_hidden_is_settled_by_an_upsert_that_changes_nothing():
    org = FakeOrg()
    org.put("Account", "c1", Name="Kept")
    text = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
    org.row_errors["c1"] = [RowError("DUPLICATE_VALUE", text)]
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Written)
    assert org.fields_of("Account", "c1") == {"Name": "Kept"}


async def test_two_inserts_that_raced_are_repeated_once():
    org = FakeOrg()
    text = f"duplicate value found: {KEY} duplicates value on record with id: 006000000000009"
    org.row_errors["o1"] = [RowError("DUPLICATE_VALUE", text)]
    (outcome,) = await send(make(org), WriteSet("o1", (opportunity("o1"),)))
    assert isinstance(outcome, Written)


async def test_a_locked_row_is_repeated_alone_and_its_neighbours_are_not():
    org = FakeOrg()
    org.row_errors["o3"] = [LOCKED, LOCKED]
    outcomes = await send(make(org), *(order(n) for n in range(10)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert [sum(len(c.rows) for c in call) for call in org.calls] == [30, 1, 1]


async def test_a_row_that_stays_locked_is_handed_to_the_retry_tiers():
    org = FakeOrg()
    org.always["o3"] = LOCKED
    outcome = (await send(make(org), *(order(n) for n in range(5))))[3]
    assert isinstance(outcome, RefusedWrite)
    assert outcome.kind is ErrorKind.LOCK
    assert len(org.calls) == 1 + QUICK.rounds


async def test_a_refused_row_costs_only_itself():
    org = FakeOrg()
    org.always["o3"] = TOO_LONG
    outcomes = await send(make(org), *(order(n) for n in range(200)))
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 199
    assert isinstance(outcomes[3], RefusedWrite)
    assert outcomes[3].kind is ErrorKind.PERMANENT
    assert outcomes[3].fields == ("Name",)
    assert "mapping.yaml" in outcomes[3].fix
    assert len(org.calls) == 1


async def test_a_bundle_reports_its_refused_parent_and_not_the_orphan():
    org = FakeOrg()
    org.always["c1"] = TOO_LONG
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, RefusedWrite)
    assert (outcome.sobject, outcome.code) == ("Account", "STRING_TOO_LONG")
    assert len(org.calls) == 1


async def test_a_locked_parent_and_its_orphan_are_written_by_the_next_round():
    org = FakeOrg()
    org.row_errors["c1"] = [LOCKED]
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Written)


async def test_a_parent_that_never_comes_is_an_ordering_failure_for_the_tiers():
    org = FakeOrg()
    (outcome,) = await send(make(org), WriteSet("o1", (opportunity("o1", "nobody"),)))
    assert isinstance(outcome, RefusedWrite)
    assert outcome.kind is ErrorKind.ORDERING


async def test_an_older_state_that_the_org_refuses_is_stale():
    org = FakeOrg()
    org.always["o1"] = NEWER
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Stale)


async def test_a_stale_customer_does_not_hold_up_its_order():
    org = FakeOrg()
    org.put("Account", "c1")
    org.always["c1"] = NEWER
    row = Row("Account", KEY, "c1", {"Name": "older"})
    (outcome,) = await send(make(org), WriteSet("o1", (row, opportunity("o1", "c1"))))
    assert isinstance(outcome, Written)
    assert "newer state" in outcome.notes[0]


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
    alerts.fire = lambda alert, _detail: fired.append(alert)  # type: ignore[method-assign]
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


async def test_a_bug_in_a_call_hands_its_bundles_to_the_tiers():
    org = FakeOrg()
    org.after_write = [KeyError("x")]
    with capture_logs() as logged:  # unrendered: a traceback with its locals takes seconds
        outcomes = await send(make(org), *(order(n) for n in range(3)))
    assert {(o.kind, o.code) for o in outcomes} == {(ErrorKind.TRANSIENT, "UNEXPECTED")}
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
