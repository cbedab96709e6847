"""A customer changes the e-mail: the records follow, whoever is saved in which order."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.dispatcher import build_dispatcher
from agents.delivery.types import RefusedWrite, Stale, WriteSet, Written
from agents.handling.decode import take_in
from agents.handling.outcome_rules import may_retry
from agents.mapping.mapping import Mapping
from agents.salesforce.api.wiring import build_client
from agents.salesforce.interrupt import Interrupt
from schemas.event import Envelope, Kind, Origin
from schemas.identity import PLAIN
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]

KEY, ID = "Magento_Customer_Key__c", "Magento_Customer_ID__c"
OLD, NEW = "greta@example.com", "greta@example.org"
RECEIVED_MS = 1_790_000_000_000


def customer(email: str, saved: str = "10:00:00", customer_id: int = 7) -> dict[str, Any]:
    return {
        "event": "customer_save_commit_after",
        "customer": {
            "id": customer_id,
            "email": email,
            "firstname": "Greta",
            "lastname": "Wolf",
            "website_id": 1,
            "updated_at": f"2026-03-14 {saved}",
        },
    }


def order(number: int, email: str, customer_id: int | None = 7) -> dict[str, Any]:
    return {
        "event": "sales_order_save_commit_after",
        "order": {
            "increment_id": f"{number:09d}",
            "customer_id": customer_id,
            "customer_email": email,
            "customer_firstname": "Greta",
            "customer_lastname": "Wolf",
            "grand_total": 10,
            "created_at": "2026-03-14 09:00:00",
            "updated_at": "2026-03-14 09:00:00",
        },
    }


class Worker:
    """A worker's dispatcher; several on one org have memories of their own."""

    def __init__(self, server: Any) -> None:
        self.org = server.org
        settings = settings_for(
            server, breaker_probe_seconds=0.1, salesforce_calls_per_second=1000.0
        )
        self.client = build_client(settings, alerts=Alerts())
        self.dispatcher = build_dispatcher(settings, self.client, Alerts(), Interrupt())
        self.mapping = Mapping.load()

    async def send(self, *bodies: dict[str, Any]) -> list[Any]:
        await self.client.guard(self.mapping.sobjects)
        async with asyncio.timeout(60):
            return await self.dispatcher.send(self.write_sets(*bodies))

    def write_sets(self, *bodies: dict[str, Any]) -> list[WriteSet]:
        bundles = []
        for number, body in enumerate(bodies):
            origin = Origin("magento.orders", 0, number, RECEIVED_MS)
            envelope = Envelope(
                event_id=f"e{number}",
                event="",
                kind=Kind.ORDER,
                key="",
                received_at_ms=RECEIVED_MS,
                value=orjson.dumps(body),
                origin=origin,
            )
            item = take_in(envelope, identity=PLAIN)
            mapped = item.mapped_by(self.mapping, 300.0)
            bundles.append(WriteSet(item.document.key, mapped.rows, mapped.lock_key))
        return bundles

    def records(self, sobject: str) -> list[dict[str, Any]]:
        return list(self.org.store.tables[sobject].records.values())

    def one(self, sobject: str) -> dict[str, Any]:
        (record,) = self.records(sobject)
        return record


@pytest.fixture
async def workers(salesforce_org):
    both = Worker(salesforce_org), Worker(salesforce_org)
    yield both
    for worker in both:
        worker.client.close()


async def test_the_records_get_the_new_address_and_stay_the_same_records(workers):
    worker, _ = workers
    await worker.send(customer(OLD), order(1, OLD))
    before = worker.one("Account")["Id"], worker.one("Contact")["Id"]
    (outcome,) = await worker.send(customer(NEW, "11:00:00"))
    assert outcome.renamed == (OLD,)
    assert any("renamed" in note for note in outcome.notes)
    account, contact = worker.one("Account"), worker.one("Contact")
    assert (account["Id"], contact["Id"]) == before
    assert (account[KEY], contact[KEY], contact["Email"]) == (NEW, NEW, NEW)
    assert worker.one("Opportunity")["AccountId"] == account["Id"]


@pytest.mark.parametrize("email", [OLD, NEW])
@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_an_order_saved_after_the_change_meets_its_customer(workers, email, is_elsewhere):
    worker, other = workers
    await worker.send(customer(OLD))
    await other.send(order(1, OLD))  # it remembers that the customer is there
    await worker.send(customer(NEW, "11:00:00"))
    (outcome,) = await (other if is_elsewhere else worker).send(order(2, email))
    assert isinstance(outcome, Written), outcome
    account = worker.one("Account")
    assert account[KEY] == NEW == worker.one("Contact")[KEY]
    assert {o["AccountId"] for o in worker.records("Opportunity")} == {account["Id"]}


@pytest.mark.parametrize("is_order_first", [False, True])
async def test_an_order_in_the_batch_of_the_change_meets_its_customer(workers, is_order_first):
    worker, _ = workers
    await worker.send(customer(OLD))
    batch = [customer(NEW, "11:00:00"), order(2, OLD)]
    await worker.send(*(reversed(batch) if is_order_first else batch))
    assert worker.one("Account")[KEY] == NEW == worker.one("Contact")[KEY]
    assert worker.one("Opportunity")["AccountId"] == worker.one("Account")["Id"]


async def test_an_order_under_the_new_address_that_comes_before_the_change(workers):
    worker, _ = workers
    await worker.send(customer(OLD))
    await worker.send(order(2, NEW))
    assert worker.one("Account")[KEY] == OLD
    await worker.send(customer(NEW, "11:00:00"))
    assert worker.one("Account")[KEY] == NEW == worker.one("Contact")[KEY]
    assert worker.one("Opportunity")["AccountId"] == worker.one("Account")["Id"]


async def test_an_older_event_does_not_rename_them_back(workers):
    worker, other = workers
    await worker.send(customer(OLD))
    await worker.send(customer(NEW, "11:00:00"))
    for one in workers:
        (outcome,) = await one.send(customer(OLD, "10:30:00"))
        assert isinstance(outcome, Stale)
    assert other.one("Account")[KEY] == NEW == other.one("Contact")["Email"]


async def test_a_later_change_back_does(workers):
    worker, _ = workers
    for email, saved in ((OLD, "10:00:00"), (NEW, "11:00:00"), (OLD, "12:00:00")):
        await worker.send(customer(email, saved))
    assert worker.one("Account")[KEY] == OLD == worker.one("Contact")["Email"]


async def test_a_guests_records_under_the_new_address_are_kept_and_noted(workers):
    worker, _ = workers
    await worker.send(customer(OLD))
    await worker.send(order(1, NEW, customer_id=None))
    (outcome,) = await worker.send(customer(NEW, "11:00:00"))
    assert sum("merge the two" in note for note in outcome.notes) == len(("Account", "Contact"))
    assert {record[KEY] for record in worker.records("Account")} == {OLD, NEW}


async def test_another_customer_may_take_the_old_address(workers):
    worker, _ = workers
    await worker.send(customer(OLD))
    await worker.send(customer(NEW, "11:00:00"))
    await worker.send(customer(OLD, "12:00:00", customer_id=8))
    assert {r[KEY]: r[ID] for r in worker.records("Account")} == {NEW: "7", OLD: "8"}


async def test_an_erased_record_is_never_renamed_back(workers):
    worker, _ = workers
    await worker.send(customer(OLD))
    for name in ("Account", "Contact"):
        worker.one(name)[KEY] = "erased-1f2e"
    await worker.send(customer(NEW, "11:00:00"))
    assert {record[KEY] for record in worker.records("Account")} == {"erased-1f2e", NEW}


async def test_while_the_org_cannot_be_asked_nothing_is_written(workers):
    worker, _ = workers
    await worker.send(customer(OLD))
    worker.org.faults.add({"kind": "unavailable", "times": 1, "match": {"path": "/query"}})
    await worker.send(customer(NEW, "11:00:00"))  # asked again until it answers
    assert worker.one("Account")[KEY] == NEW


async def test_an_org_without_the_field_is_not_asked(workers):
    worker, _ = workers
    for name in ("Account", "Contact"):
        worker.org.store.tables[name].sobject.drop(ID)
    (outcome,) = await worker.send(customer(OLD))
    assert isinstance(outcome, Written), outcome
    (outcome,) = await worker.send(customer(NEW, "11:00:00"))
    assert isinstance(outcome, Written), outcome
    assert outcome.renamed == ()


def calls_of(worker: Worker) -> int:
    """Return the API calls so far but for `describe`, which this Worker asks for with each send."""
    by_path = worker.org.counts.by_path
    return sum(number for name, number in by_path.items() if not name.endswith("describe"))


async def test_all_that_is_asked_about_new_customers_is_one_call_and_about_known_ones_none(workers):
    worker, _ = workers
    orders = [order(n, f"c{n}@example.com", customer_id=n) for n in range(1, 31)]
    await worker.send(customer(OLD, customer_id=900))
    before = calls_of(worker)
    outcomes = await worker.send(*orders)
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert calls_of(worker) - before == 2  # the questions, and the write
    await worker.send(*(order(n + 500, f"c{n}@example.com", customer_id=n) for n in range(1, 31)))
    assert calls_of(worker) - before == 3


async def test_the_pace_is_told_who_has_to_be_looked_for_first(workers):
    worker, other = workers
    await worker.send(order(1, OLD))
    (write,) = worker.write_sets(order(2, OLD))
    assert not worker.dispatcher.asks_first(write)
    (write,) = worker.write_sets(order(3, NEW, customer_id=None))
    assert worker.dispatcher.asks_first(write)
    await other.send(order(4, OLD))
    (write,) = other.write_sets(order(5, "anna@example.com", customer_id=8))
    assert other.dispatcher.asks_first(write)


async def test_a_question_that_the_org_refuses_takes_no_other_one_with_it(workers):
    worker, other = workers
    await other.send(customer(OLD))
    body = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "Sem acesso"}]
    worker.org.faults.add(
        {"kind": "subrequest", "status": 400, "body": body, "times": 1, "match": {"path": "query"}}
    )
    (outcome,) = await worker.send(customer(NEW, "11:00:00"))
    assert isinstance(outcome, Written), outcome
    # The first question was about the Account: it has a twin, the Contact followed.
    assert {r[KEY] for r in worker.records("Account")} == {OLD, NEW}
    assert [r[KEY] for r in worker.records("Contact")] == [NEW]


@pytest.mark.parametrize("letters", ["a", "ж", "漢"])
async def test_long_addresses_of_any_script_are_looked_for_in_queries_that_fit(workers, letters):
    """A letter may be nine characters of a URL, of which servers take 16,384."""
    worker, _ = workers
    orders = [order(n, f"{n}{letters * 40}@example.com", customer_id=n) for n in range(1, 151)]
    outcomes = await worker.send(*orders)
    assert all(isinstance(outcome, Written) and not outcome.notes for outcome in outcomes)
    assert len(worker.records("Contact")) == len(orders)


async def test_the_old_address_is_told_of_when_the_write_behind_the_renaming_failed_at_first(
    workers,
):
    worker, _ = workers
    await worker.send(customer(OLD))
    lock = {"kind": "row_error", "code": "UNABLE_TO_LOCK_ROW", "sobject": "Contact", "times": 5}
    send = worker.client.composite

    async def locked(collections: Any) -> Any:
        worker.org.faults.add(lock)
        worker.client.composite = send
        return await send(collections)

    worker.client.composite = locked
    (first,) = await worker.send(customer(NEW, "11:00:00"))
    assert isinstance(first, RefusedWrite), first
    assert worker.one("Account")[KEY] == NEW
    worker.org.faults.clear()
    (second,) = await worker.send(customer(NEW, "11:00:00"))
    assert isinstance(second, Written), second
    assert second.renamed == (OLD,)
    (third,) = await worker.send(customer(NEW, "12:00:00"))
    assert third.renamed == ()


async def test_a_twin_that_another_worker_makes_meanwhile_is_no_dead_letter(workers):
    worker, other = workers
    await worker.send(customer(OLD))
    ask = worker.client.queries

    async def slowly(soqls: Any) -> Any:
        found = await ask(soqls)
        worker.client.queries = ask
        await other.send(order(1, NEW, customer_id=None))
        return found

    worker.client.queries = slowly
    (first,) = await worker.send(customer(NEW, "11:00:00"))
    assert isinstance(first, RefusedWrite), first
    assert may_retry(first, attempt=0)
    (second,) = await worker.send(customer(NEW, "11:00:00"))
    assert isinstance(second, Written), second
    assert sum("merge the two" in note for note in second.notes) == len(("Account", "Contact"))


@pytest.mark.parametrize("is_newcomer_first", [True, False])
async def test_an_address_that_two_customers_had_leads_each_to_his_own(workers, is_newcomer_first):
    worker, _ = workers
    await worker.send(customer(OLD))
    await worker.send(customer(NEW, "11:00:00"))
    orders = [order(1, OLD, customer_id=7), order(2, OLD, customer_id=8)]
    await worker.send(*(reversed(orders) if is_newcomer_first else orders))
    keys = {record["Id"]: record[KEY] for record in worker.records("Account")}
    accounts = {r["Magento_Order_ID__c"]: r["AccountId"] for r in worker.records("Opportunity")}
    assert {number: keys[at] for number, at in accounts.items()} == {
        "000000001": NEW,
        "000000002": OLD,
    }
