"""Outages that arrive as refusals: nobody pays for them, in whatever language they are told."""

from __future__ import annotations

import asyncio

import pytest
from support.fake_org import (
    KEY,
    FakeOrg,
    account,
    contact,
    make_gate,
    opportunity,
    refused,
    whenever,
)

from agents.delivery.dispatcher import SalesforceDispatcher
from agents.delivery.retry_in_place import RetryInPlace
from agents.delivery.types import NotSent, RefusedWrite, WriteSet, Written
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.http.answers import refusal_of
from schemas.salesforce import RowError
from stream.backoff import Backoff
from stream.ops.alerts import Alert, Alerts

QUICK = RetryInPlace(backoff=Backoff(0.001, 0.002))
LANGUAGES = ["No can do.", "Não é possível.", "Nicht möglich.", "できません。"]


def make(org: FakeOrg, **options) -> SalesforceDispatcher:
    return SalesforceDispatcher(org, make_gate(**options), policy=QUICK)


def order(number: int, *, exists: bool = False, **fields) -> WriteSet:
    who = f"c{number}"
    rows = (account(who), contact(f"p-{who}", who), opportunity(f"o{number}", who, **fields))
    known = frozenset({"Opportunity"}) if exists else frozenset()
    return WriteSet(f"o{number}", rows, lock_key=who, exists=known)


async def send(dispatcher: SalesforceDispatcher, *writes: WriteSet):
    async with asyncio.timeout(20):
        return await dispatcher.send(writes)


def refuse_all(org: FakeOrg, code: str, message: str = "x", orders: range = range(100)) -> None:
    org.always |= {f"o{n}": RowError(code, message) for n in orders}


@pytest.mark.parametrize("message", LANGUAGES)
@pytest.mark.parametrize(
    "code",
    [
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
        "UNKNOWN_EXCEPTION",
        "SERVER_UNAVAILABLE",
        "STORAGE_LIMIT_EXCEEDED",
        "LIMIT_EXCEEDED",
    ],
)
async def test_an_outage_told_row_by_row_costs_nobody_an_attempt(code, message):
    org = FakeOrg()
    refuse_all(org, code, message)
    dispatcher = make(org)
    for _ in range(3):
        outcomes = await send(dispatcher, *(order(n) for n in range(6)))
        assert {type(outcome) for outcome in outcomes} == {NotSent}
    org.always.clear()
    outcomes = await send(dispatcher, *(order(n) for n in range(6)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)


async def test_a_trickle_of_an_outage_costs_nobody_an_attempt_either():
    org = FakeOrg()
    refuse_all(org, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE")
    dispatcher = make(org)
    for number in range(5):
        (outcome,) = await send(dispatcher, order(number))
        assert isinstance(outcome, NotSent)


@pytest.mark.parametrize(
    "code",
    ["INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "INSUFFICIENT_ACCESS_OR_READONLY", "NEW_ONE"],
)
async def test_a_value_that_the_org_takes_from_nobody_buries_nobody(code):
    org = FakeOrg()
    refuse_all(org, code)
    outcomes = await send(make(org), *(order(n) for n in range(30)))
    assert {type(outcome) for outcome in outcomes} == {NotSent}


async def test_few_bad_orders_with_nothing_beside_them_are_retried_and_not_buried():
    org = FakeOrg()
    refuse_all(org, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, RefusedWrite)
    assert outcome.is_unproven


async def test_a_bad_order_beside_a_good_one_is_judged_at_once():
    org = FakeOrg()
    refuse_all(org, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", orders=range(1))
    bad, good = await send(make(org), order(0), order(1))
    assert isinstance(good, Written)
    assert isinstance(bad, RefusedWrite)
    assert not bad.is_unproven


async def test_one_odd_record_saved_three_times_opens_no_breaker():
    org, alerts = FakeOrg(), Alerts()
    refuse_all(org, "INVALID_FIELD_FOR_INSERT_UPDATE", orders=range(1))
    dispatcher = make(org, alerts=alerts)
    for _ in range(5):
        await send(dispatcher, order(0))
    assert alerts.active == {}
    good, odd = await send(dispatcher, order(7), order(0))
    assert isinstance(good, Written)
    assert isinstance(odd, RefusedWrite)
    assert odd.kind is ErrorKind.CONFIG


async def test_full_storage_holds_the_creates_while_updates_pass():
    org, alerts = FakeOrg(), Alerts()
    for number in range(50, 60):
        org.put("Opportunity", f"o{number}", Name="old")
    refuse_all(org, "STORAGE_LIMIT_EXCEEDED", orders=range(10))
    dispatcher = make(org, alerts=alerts)
    new = [order(n) for n in range(10)]
    old = [order(n, exists=True) for n in range(50, 60)]
    for _ in range(3):
        outcomes = await send(dispatcher, *new, *old)
        assert {type(outcome) for outcome in outcomes[:10]} == {NotSent}
        assert {type(outcome) for outcome in outcomes[10:]} == {Written}
        assert alerts.active.keys() == {Alert.WRITES_HELD}
    org.always.clear()
    outcomes = await send(dispatcher, *new)
    assert {type(outcome) for outcome in outcomes} == {Written}
    assert alerts.active == {}


@pytest.mark.parametrize("status", [301, 404, 405, 409, 410, 415, 451])
async def test_a_call_that_no_row_explains_is_held_whatever_its_status(status):
    org = FakeOrg()
    org.call_faults.append(whenever(r"o\d+", refused(status, "")))
    dispatcher = make(org, probe_seconds=0.001)
    if status == 409:
        org.call_faults = [whenever(r"o\d+", refused(status, "CONFLICT_OF_2030"))]
        asyncio.get_running_loop().call_later(0.2, org.call_faults.clear)
        outcomes = await send(dispatcher, *(order(n) for n in range(20)))
        assert {type(outcome) for outcome in outcomes} == {Written}
        return
    outcomes = await send(dispatcher, *(order(n) for n in range(20)))
    assert {type(outcome) for outcome in outcomes} == {NotSent}


@pytest.mark.parametrize("code", ["ODD_CODE", "JSON_PARSER_ERROR", "INVALID_FIELD"])
async def test_a_search_that_finds_everybody_guilty_has_found_an_outage(code):
    org = FakeOrg()
    org.call_faults.append(whenever(r"o\d+", refused(400, code)))
    outcomes = await send(make(org), *(order(n) for n in range(20)))
    assert {type(outcome) for outcome in outcomes} == {NotSent}


PAGES = [
    (403, b"<html>Access Denied. Reference #18"),
    (403, b""),
    (403, b'{"error":"Request blocked by policy"}'),
    (406, b"<html>mod_security"),
    (302, b""),
    (303, b"<html>See the page of your firewall"),
    (307, b'{"error":"see other"}'),
]


@pytest.mark.parametrize(("status", "body"), PAGES)
async def test_a_firewall_that_refuses_the_text_of_one_order_stops_no_other(status, body):
    """One comment like SQL: the page opened the breaker for everybody, and each probe met it."""
    org = FakeOrg()
    org.call_faults.append(whenever("o5", refusal_of(status, {}, body)))
    *others, guilty = await send(make(org), *(order(n) for n in (*range(1, 5), 6, 5)))
    assert {type(outcome) for outcome in others} == {Written}
    assert isinstance(guilty, RefusedWrite)
    assert guilty.kind is ErrorKind.TRANSIENT, "it may be let through yet: an attempt at a time"
    assert "firewall" in guilty.fix or "406" in guilty.code


@pytest.mark.parametrize(("status", "body"), PAGES)
async def test_a_firewall_that_refuses_everybody_charges_nobody(status, body):
    org = FakeOrg()
    org.limits_answer = page = refusal_of(status, {}, body)
    org.call_faults.append(lambda _collections: page)
    asyncio.get_running_loop().call_later(0.3, org.call_faults.clear)
    outcomes = await send(make(org), *(order(n) for n in range(20)))
    assert not [outcome for outcome in outcomes if isinstance(outcome, RefusedWrite)]


@pytest.mark.parametrize("limits", [403, 404, 200])
async def test_a_row_that_the_org_fails_on_stops_nobody_without_the_right_to_see_limits(limits):
    org = FakeOrg()
    org.limits_answer = {} if limits == 200 else refused(limits, "")
    org.call_faults.append(whenever("o5", refused(500, "SOME_NEW_FAILURE")))
    dispatcher = make(org)
    (alone,) = await send(dispatcher, order(5))
    assert isinstance(alone, NotSent)
    *others, guilty = await send(dispatcher, *(order(n) for n in (1, 2, 3, 5)))
    assert {type(outcome) for outcome in others} == {Written}
    assert isinstance(guilty, RefusedWrite)


TWIN_TEXTS = [
    "duplicate value found: {key} duplicates value on record with id: {id}",
    "valor duplicado encontrado: {key} duplica o valor no registro com ID: {id}",
    "Doppelter Wert gefunden: {key} dupliziert den Wert in Datensatz mit ID: {id}.",
    "重複する値が見つかりました: {key} の値が ID {id} のレコードと重複しています",
    "値が重複しています",
]


@pytest.mark.parametrize("text", TWIN_TEXTS)
async def test_a_customer_that_exists_is_recognised_in_every_language(text):
    org = FakeOrg()
    record_id = org.put("Account", "c1", Name="Kept by people")
    message = text.format(key=KEY, id=record_id)
    org.row_errors["c1"] = [RowError("DUPLICATE_VALUE", message)]
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Written)
    assert outcome.ids["Account"] == record_id
    assert org.fields_of("Account", "c1") == {"Name": "Kept by people"}


@pytest.mark.parametrize("text", TWIN_TEXTS[:4])
async def test_another_unique_field_is_told_from_the_key_in_every_language(text):
    org = FakeOrg()
    message = text.format(key="Tax_Id__c", id="001000000000009")
    org.always["c1"] = RowError("DUPLICATE_VALUE", message)
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, RefusedWrite)
    assert outcome.code == "DUPLICATE_VALUE"


async def test_automation_that_chokes_in_any_language_gets_smaller_calls():
    org = FakeOrg()
    honest = org._answer

    def choking(collection):
        if collection.sobject == "Opportunity" and len(collection.rows) > 20:
            org.always |= {
                row.external_id: RowError("CANNOT_EXECUTE_FLOW_TRIGGER", "制限を超えました")
                for row in collection.rows
            }
            answer = honest(collection)
            org.always.clear()
            return answer
        return honest(collection)

    org._answer = choking
    outcomes = await send(make(org), *(order(n) for n in range(200)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
