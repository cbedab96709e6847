"""An org that was in use before us: customers that are there get our key, and no twins."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from support.renaming_world import Worker
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.types import WriteSet, Written
from schemas.codec import Document
from schemas.event import Kind

__all__ = ["org_keys", "salesforce_org"]

KEY = "Magento_Customer_Key__c"
EMAIL = "claire.o'hara@example.com"


def order(number: int = 1, email: str = EMAIL) -> Document:
    entity = {
        "increment_id": f"{number:09d}",
        "state": "new",
        "customer_email": email,
        "customer_lastname": "O'Hara",
        "grand_total": 10,
        "created_at": "2026-03-14 18:00:00",
        "updated_at": "2026-03-14 18:00:00",
    }
    return Document("order_saved", Kind.ORDER, entity["increment_id"], entity, "")


class Org(Worker):
    """A worker's dispatcher on an org, and what people put into the org before."""

    def was_there(self, sobject: str, **fields: Any) -> str:
        table = self.org.store.tables[sobject]
        prepared = self.org.dml.prepare(table, fields)
        return self.org.dml.create(self.org.new_call(), table, prepared, fields).id

    async def send(self, *documents: Document) -> list[Any]:
        bundles = []
        for document in documents:
            mapped = self.mapping.apply(document)
            bundles.append(WriteSet(document.key, mapped.rows, mapped.lock_key))
        async with asyncio.timeout(60):
            return await self.dispatcher.send(bundles)

    def records(self, sobject: str) -> list[dict[str, Any]]:
        return list(self.org.store.tables[sobject].records.values())


@pytest.fixture
async def org(salesforce_org):
    org = Org(salesforce_org)
    yield org
    org.client.close()


async def test_a_customer_that_is_there_gets_the_key_with_its_account_and_the_order_hangs_on_it(
    org,
):
    account = org.was_there("Account", Name="O'Hara Ltd")
    contact = org.was_there(
        "Contact", LastName="O'Hara", Email=EMAIL.upper(), AccountId=account, Title="Owner"
    )
    (outcome,) = await org.send(order())
    assert isinstance(outcome, Written), outcome
    assert any(f"Contact {contact}: adopted" in note for note in outcome.notes)
    (one,), (opportunity,) = org.records("Account"), org.records("Opportunity")
    (person,) = org.records("Contact")
    assert (one["Id"], one[KEY], one["Name"]) == (account, EMAIL, "O'Hara Ltd")
    assert (person["Id"], person[KEY], person["Title"]) == (contact, EMAIL, "Owner")
    assert opportunity["AccountId"] == account


async def test_of_several_the_oldest_is_adopted_and_their_number_is_noted(org):
    first = org.was_there("Contact", LastName="A", Email=EMAIL)
    org.was_there("Contact", LastName="B", Email=EMAIL)
    (outcome,) = await org.send(order())
    assert any("oldest of 2" in note for note in outcome.notes)
    assert {r["Id"]: r.get(KEY) for r in org.records("Contact")}[first] == EMAIL
    assert len(org.records("Contact")) == 2


async def test_an_account_of_somebody_else_is_left_and_noted(org):
    account = org.was_there("Account", Name="Shared", **{KEY: "other@example.com"})
    org.was_there("Contact", LastName="A", Email=EMAIL, AccountId=account)
    (outcome,) = await org.send(order())
    assert any(f"Account {account}: has another key and was left" in n for n in outcome.notes)
    assert {r.get(KEY) for r in org.records("Account")} == {"other@example.com", EMAIL}
    assert len(org.records("Contact")) == 1


async def test_who_has_the_key_already_is_the_one_whatever_others_share_the_address(org):
    org.was_there("Contact", LastName="Keyed", Email="new@example.com", **{KEY: EMAIL})
    org.was_there("Contact", LastName="Other", Email=EMAIL)
    (outcome,) = await org.send(order())
    assert not any("adopted" in note for note in outcome.notes)
    assert len(org.records("Contact")) == 2


async def test_a_batch_asks_once_and_a_known_customer_is_not_asked_for_again(org):
    documents = [order(n, f"c{n}@example.com") for n in range(50)]
    await org.send(*documents)
    assert org.org.counts.by_path["GET query"] == 1
    await org.send(order(900, "c7@example.com"))
    assert org.org.counts.by_path["GET query"] == 1


async def test_while_the_org_cannot_be_asked_nothing_is_created_and_no_attempt_is_spent(org):
    org.was_there("Contact", LastName="A", Email=EMAIL)
    org.org.faults.add({"kind": "unavailable", "times": 1, "match": {"path": "/query"}})
    (outcome,) = await org.send(order())  # asked again until it answers
    assert isinstance(outcome, Written), outcome
    assert "Contact" not in outcome.created
    assert [r[KEY] for r in org.records("Contact")] == [EMAIL]


async def test_an_org_that_forbids_the_question_still_gets_its_orders_with_a_note(org):
    body = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "Sem acesso"}]
    org.org.faults.add(
        {"kind": "respond", "status": 403, "body": body, "match": {"path": "/query"}}
    )
    (outcome,) = await org.send(order())
    assert isinstance(outcome, Written), outcome
    assert any("may have got a twin" in note for note in outcome.notes)


async def test_two_people_of_one_account_in_a_batch_leave_it_to_the_first(org):
    account = org.was_there("Account", Name="Hara Ltd")
    for email in (EMAIL, "b@example.com"):
        org.was_there("Contact", LastName="A", Email=email, AccountId=account)
    outcomes = await org.send(order(1), order(2, "b@example.com"))
    assert all(isinstance(outcome, Written) for outcome in outcomes), outcomes
    assert any("has another key and was left" in note for note in outcomes[1].notes)
    assert {record[KEY] for record in org.records("Contact")} == {EMAIL, "b@example.com"}
    assert {record["Id"]: record[KEY] for record in org.records("Account")}[account] == EMAIL


async def test_a_record_without_a_key_is_given_to_one_of_two_customers_with_its_address(org):
    """Websites that do not share their customers: one address is two customers."""
    contact = org.was_there("Contact", LastName="A", Email=EMAIL)
    bundles = []
    for website in "12":
        found = next(row for row in org.mapping.apply(order()).rows if row.sobject == "Contact")
        insert_fields = {n: v for n, v in found.insert_fields.items() if n != "Account"}
        row = replace(found, external_id=f"{website}:{EMAIL}", insert_fields=insert_fields)
        bundles.append(WriteSet(website, (row,)))
    outcomes = await org.dispatcher.send(bundles)
    assert all(isinstance(outcome, Written) for outcome in outcomes), outcomes
    keys = {record["Id"]: record[KEY] for record in org.records("Contact")}
    assert keys.pop(contact) == f"1:{EMAIL}"
    assert list(keys.values()) == [f"2:{EMAIL}"]
