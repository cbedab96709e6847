"""A customer changes the e-mail: the records follow, whoever is saved in which order."""

from __future__ import annotations

import pytest
from support.renaming_world import ID, KEY, NEW, OLD, Worker, customer, order, workers
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.types import Stale, Written

__all__ = ["org_keys", "salesforce_org", "workers"]


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
