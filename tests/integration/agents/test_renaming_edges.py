"""A renaming that fails half way, that another worker meets, or whose address had two customers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.renaming_world import KEY, NEW, OLD, customer, order, workers
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.fault_scope import ENOUGH_RECORDS
from agents.delivery.types import RefusedWrite, Written
from agents.handling.outcome_rules import may_retry

__all__ = ["org_keys", "salesforce_org", "workers"]


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


async def test_a_change_back_makes_no_twin_where_the_old_address_was_never_told(workers):
    """A worker died between the renaming and the word of it: the old key's state has records."""
    worker, other = workers
    (first,) = await worker.send(customer(OLD))
    await other.send(customer(NEW, "11:00:00"))
    (back,) = worker.write_sets(customer(OLD, "12:00:00"))
    rows = tuple(replace(row, known_id=first.ids[row.sobject]) for row in back.rows)
    await worker.dispatcher.send([replace(back, rows=rows)])
    assert worker.one("Account")[KEY] == OLD
    assert worker.one("Contact")[KEY] == OLD


async def test_orders_whose_customers_were_all_deleted_are_no_outage(workers):
    """Held as one, they were sent with the same belief for ever, and the breaker opened."""
    worker, _ = workers
    people = [f"p{number}@example.com" for number in range(ENOUGH_RECORDS + 1)]
    await worker.send(*(order(n, who, 70 + n) for n, who in enumerate(people)))
    for sobject in ("Opportunity", "Contact", "Account"):
        await worker.client.delete([record["Id"] for record in worker.records(sobject)])
    outcomes = await worker.send(*(order(10 + n, who, 70 + n) for n, who in enumerate(people)))
    assert all(isinstance(outcome, Written) for outcome in outcomes), outcomes
    assert {record[KEY] for record in worker.records("Account")} == set(people)


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize(
    "saves",
    [
        [("greta@exmaple.org", "11:00:00"), (NEW, "11:00:30")],
        [(OLD, "10:30:00"), (NEW, "11:00:00")],
        [("greta@exmaple.org", "11:00:00"), (NEW, "11:00:30"), (OLD, "10:00:00")],
    ],
)
async def test_saves_of_one_customer_in_a_batch_rename_to_the_newest(workers, saves, is_turned):
    """An address corrected at once: one call named the record under two keys, or made a twin."""
    worker, _ = workers
    await worker.send(customer(OLD))
    before = worker.one("Account")["Id"]
    batch = [customer(email, saved) for email, saved in saves]
    batch.insert(1, order(1, saves[0][0]))
    outcomes = await worker.send(*(reversed(batch) if is_turned else batch))
    assert all(isinstance(outcome, Written) for outcome in outcomes), outcomes
    assert worker.one("Account")[KEY] == NEW == worker.one("Contact")[KEY]
    assert worker.one("Account")["Id"] == before == worker.one("Opportunity")["AccountId"]
    assert worker.one("Contact")["Email"] == NEW


async def test_a_change_back_within_a_batch_changes_nothing(workers):
    worker, _ = workers
    await worker.send(customer(OLD))
    before = worker.one("Account")["Id"]
    outcomes = await worker.send(customer(NEW, "11:00:00"), customer(OLD, "11:00:30"))
    assert all(isinstance(outcome, Written) for outcome in outcomes), outcomes
    assert worker.one("Account")[KEY] == OLD == worker.one("Contact")["Email"]
    assert worker.one("Account")["Id"] == before


async def test_an_order_under_a_third_address_goes_where_its_batch_renames_the_record(workers):
    worker, _ = workers
    await worker.send(customer(OLD))
    await worker.send(order(1, "greta@exmaple.org"), customer(NEW, "11:00:00"))
    assert worker.one("Account")[KEY] == NEW == worker.one("Contact")[KEY]
    assert worker.one("Opportunity")["AccountId"] == worker.one("Account")["Id"]
