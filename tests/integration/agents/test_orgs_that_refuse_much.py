"""What an org says of more than it means: a trigger of one row, a session of a part of a call."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.delivery_desk import CUSTOMER, Desk, are_written, at_work, order
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.types import RefusedWrite, WriteSet, Written
from agents.salesforce.api.wiring import build_client
from sandbox.salesforce.server import SalesforceOrg
from schemas.metadata_package import ValidationRule
from schemas.salesforce import Row
from stream.ops.alerts import Alert, Alerts

__all__ = ["org_keys", "salesforce_org"]


@pytest.fixture
async def desk(salesforce_org: SalesforceOrg) -> AsyncIterator[Desk]:
    async with at_work(salesforce_org) as desk:
        yield desk


@pytest.mark.parametrize(
    "code", ["FIELD_CUSTOM_VALIDATION_EXCEPTION", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"]
)
async def test_a_row_on_which_a_trigger_refuses_all_is_found_and_the_others_are_written(desk, code):
    desk.arm("trigger", code=code, message="Auftrag unvollständig", external_id="o123")
    outcomes = await desk.send(*(order(n) for n in range(200)))
    assert [n for n, one in enumerate(outcomes) if not isinstance(one, Written)] == [123]
    assert outcomes[123].code == code
    assert desk.fired == []


EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


@pytest.mark.parametrize("part", ["Account", "Contact", "Opportunity"])
async def test_a_session_that_ends_amid_a_call_costs_one_login_and_nobody_is_told(desk, part):
    """The call is answered, and says 401 of a part."""
    desk.arm("subrequest", status=401, body=EXPIRED, times=1, match={"sobject": part})
    outcomes = await desk.send(*(order(n) for n in range(5)))
    assert are_written(outcomes)
    assert all(outcome.created == ("Account", "Contact", "Opportunity") for outcome in outcomes)
    assert desk.fired == []
    assert desk.org.counts.token_calls == 2
    desk.check_books(orders=5)


async def test_a_session_that_ends_amid_queries_costs_one_login(salesforce_org):
    client = build_client(settings_for(salesforce_org), alerts=Alerts())
    salesforce_org.org.faults.add(
        {"kind": "subrequest", "status": 401, "body": EXPIRED, "times": 1}
    )
    try:
        pages = await client.queries([f"SELECT Id FROM {name}" for name in ("Account", "Contact")])
    finally:
        client.close()
    assert pages == [[], []]
    assert salesforce_org.org.counts.token_calls == 2


async def test_a_part_whose_new_session_is_refused_too_pauses_everything_and_is_told(desk):
    desk.arm("subrequest", status=401, body=EXPIRED, times=2, match={"sobject": "Contact"})
    assert are_written(await desk.send(*(order(n) for n in range(5))))
    assert desk.fired == [Alert.AUTH_BROKEN]
    desk.check_books(orders=5)


def with_email(number: int, who: str, **contact: Any) -> WriteSet:
    """Return an order as the shipped mapping sends it: it fills a customer who does not exist."""
    plain = order(number, who)
    fields = {**plain.rows[1].insert_fields, "Email": who, **contact}
    person = dataclasses.replace(plain.rows[1], insert_fields=fields)
    return dataclasses.replace(plain, rows=(plain.rows[0], person, plain.rows[2]))


@pytest.mark.parametrize("action", ["alert", "block"])
async def test_a_duplicate_rule_costs_a_known_customer_no_order(desk, action):
    """An org's rules are asked before its unique fields: the rule finds the customer's own record.

    The standard rule for Contacts is active in every new org.
    """
    assert are_written(await desk.send(*(with_email(n, f"c{n}@example.com") for n in range(5))))
    desk.org.settings.change({"contact_duplicate_rule": action})
    async with at_work(desk.server) as another:  # a worker that remembers nobody
        outcomes = await another.send(*(with_email(5 + n, f"c{n}@example.com") for n in range(5)))
        assert are_written(outcomes)
        assert another.fired == []
        another.check_books(orders=10)


async def test_a_customer_with_fields_of_people_is_known_to_a_duplicate_rule_and_is_saved(desk):
    """Fields that only new records get (`insert_only`) make the customer's own save a create."""
    assert are_written(await desk.send(with_email(1, "anna@example.com")))
    desk.org.settings.change({"contact_duplicate_rule": "block"})
    own = Row(
        "Contact",
        CUSTOMER,
        "anna@example.com",
        {"Phone": "123"},
        {"LastName": "anna@example.com", "Email": "anna@example.com"},
    )
    async with at_work(desk.server) as another:
        assert are_written(await another.send(WriteSet("c", (own,), lock_key="anna@example.com")))
    (contact,) = desk.org.store.tables["Contact"].records.values()
    assert contact["Phone"] == "123"


async def test_a_rule_for_new_customers_costs_a_known_one_no_order(desk):
    assert are_written(await desk.send(with_email(1, "anna@example.com")))
    async with at_work(desk.server) as another:
        bad = with_email(2, "anna@example.com", Phone="9" * 60)
        assert are_written(await another.send(bad, with_email(3, "otto@example.com")))
        another.check_books(orders=3)


async def test_a_customer_whom_a_duplicate_rule_takes_for_another_is_refused_with_its_code(desk):
    assert are_written(await desk.send(with_email(1, "anna@example.com")))
    desk.org.settings.change({"contact_duplicate_rule": "block"})
    twin = with_email(2, "anna@example.net", Email="anna@example.com", LastName="anna@example.com")
    refused, written = await desk.send(twin, with_email(3, "otto@example.com"))
    assert isinstance(written, Written)
    assert isinstance(refused, RefusedWrite)
    assert (refused.code, refused.sobject) == ("DUPLICATES_DETECTED", "Contact")
    assert desk.org.summary()["records"]["Contact"] == 2


@pytest.mark.parametrize("code", ["ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"])
async def test_a_record_that_somebody_deletes_amid_the_write_costs_nobody_a_dead_letter(desk, code):
    """The record was found and was gone when it was saved: repeated, it is made again."""
    first = [order(n) for n in range(5)]
    assert are_written(await desk.send(*first))
    desk.arm("row_error", code=code, message="gelöscht", external_id="o3", times=1)
    known = frozenset({"Account", "Contact", "Opportunity"})
    again = [
        dataclasses.replace(order(n, StageName="Qualification"), exists=known) for n in range(5)
    ]
    assert are_written(await desk.send(*again))
    desk.check_books(orders=5)


async def test_a_rule_that_a_customers_own_record_breaks_costs_the_customer_no_order(desk):
    """A rule of today, a record of last year: any save of it is refused, and the order needs none."""
    assert are_written(await desk.send(order(1, "anna@example.com")))
    industry = ValidationRule("Account", "Industry", "ISBLANK(Industry)", "Branche fehlt")
    desk.org.validation.add(industry)
    async with at_work(desk.server) as another:
        outcomes = await another.send(order(2, "anna@example.com"), order(3, "otto@example.com"))
    assert isinstance(outcomes[0], Written), outcomes
    assert outcomes[0].created == ("Opportunity",)
    assert isinstance(outcomes[1], RefusedWrite)
    (account,) = desk.org.store.tables["Account"].records
    writes = [e for e in desk.org.history.entries(sobject="Account") if e["id"] == account]
    assert len(writes) == 1, (
        "it was asked for, and not saved: the org's automation has seen nothing"
    )
