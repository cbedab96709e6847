"""Two workers, one customer, every order of their calls: one Account and one Contact remain."""

from __future__ import annotations

import pytest
from support.renaming_world import ID, KEY, NEW, OLD, customer, order, workers
from support.salesforce_fixtures import org_keys, salesforce_org
from support.turns import Turns, orders_of

from agents.delivery.types import RefusedWrite, Stale, Written
from agents.handling.outcome_rules import may_retry
from agents.salesforce.api.composite import STALE_GUARD_FIELD

__all__ = ["org_keys", "salesforce_org", "workers"]

NEWEST = "greta@example.net"
ORDERS = orders_of(3, 3)  # look, give the key, write


def without_rule(worker):
    for name in ("Account", "Contact"):
        worker.org.store.tables[name].sobject.drop(STALE_GUARD_FIELD)


async def settled(worker, outcome, *bodies):
    """Send what was refused for now again, as the retry tiers do."""
    assert isinstance(outcome, Written | Stale | RefusedWrite), outcome
    if isinstance(outcome, RefusedWrite):
        assert may_retry(outcome, attempt=0), outcome
        (outcome,) = await worker.send(*bodies)
    assert isinstance(outcome, Written | Stale), outcome


@pytest.mark.parametrize("mine", [NEW, OLD])
@pytest.mark.parametrize("turns", ORDERS)
async def test_two_saves_of_one_customer_make_no_second_record(workers, monkeypatch, turns, mine):
    worker, other = workers
    await worker.send(customer(OLD))
    older, newer = customer(mine, "11:00:00"), customer(NEWEST, "12:00:00")
    for both in workers:
        await both.client.guard(both.mapping.sobjects)
    (first,), (second,) = await Turns(turns, monkeypatch).run(
        A=(worker, worker.send(older)), B=(other, other.send(newer))
    )
    await settled(worker, first, older)
    await settled(other, second, newer)
    assert worker.one("Account")[KEY] == worker.one("Contact")[KEY] == NEWEST
    assert worker.one("Contact")["Email"] == NEWEST


@pytest.mark.parametrize("address", [NEW, OLD])
@pytest.mark.parametrize("turns", ORDERS)
async def test_an_order_and_its_customers_save_make_no_second_record(
    workers, monkeypatch, turns, address
):
    worker, other = workers
    await worker.send(customer(OLD))
    bought, moved = order(1, address), customer(NEW, "11:00:00")
    (first,), (second,) = await Turns(turns, monkeypatch).run(
        A=(other, other.send(bought)), B=(worker, worker.send(moved))
    )
    await settled(other, first, bought)
    await settled(worker, second, moved)
    account = worker.one("Account")
    assert account[KEY] == worker.one("Contact")[KEY] == NEW
    assert account[ID] == "7"
    assert worker.one("Opportunity")["AccountId"] == account["Id"]


@pytest.mark.parametrize("mine", [NEW, OLD])
@pytest.mark.parametrize("turns", ORDERS)
async def test_nor_in_an_org_without_the_rule_where_the_last_word_counts(
    workers, monkeypatch, turns, mine
):
    worker, other = workers
    without_rule(worker)
    await worker.send(customer(OLD))
    older, newer = customer(mine, "11:00:00"), customer(NEWEST, "12:00:00")
    await Turns(turns, monkeypatch).run(
        A=(worker, worker.send(older)), B=(other, other.send(newer))
    )
    account, contact = worker.one("Account"), worker.one("Contact")
    assert contact["AccountId"] == account["Id"]
    assert account[KEY] == contact[KEY] == contact["Email"]


async def test_a_record_that_is_deleted_before_it_is_written_is_made_again(workers, monkeypatch):
    worker, other = workers
    await worker.send(customer(OLD))
    ids = [worker.one("Contact")["Id"], worker.one("Account")["Id"]]
    await other.client.guard(other.mapping.sobjects)
    saved = customer(OLD, "11:00:00")
    (outcome,), _ = await Turns("ABA", monkeypatch).run(
        A=(worker, worker.send(saved)), B=(other, other.client.delete(ids))
    )
    assert isinstance(outcome, Written), outcome
    assert worker.one("Account")[KEY] == OLD == worker.one("Contact")[KEY]
    assert worker.one("Account")["Id"] not in ids


async def test_an_address_that_a_guest_takes_before_the_record_is_written_is_no_dead_letter(
    workers, monkeypatch
):
    """Renamed to NEW, then on by another worker; a guest's order made NEW anew."""
    worker, other = workers
    without_rule(worker)
    await worker.send(customer(OLD))

    async def moves_on() -> None:
        await other.send(customer(NEWEST, "12:00:00"))
        await other.send(order(1, NEW, customer_id=None))

    (outcome,), _ = await Turns("AABBBBBBA", monkeypatch).run(
        A=(worker, worker.send(customer(NEW, "11:00:00"))), B=(other, moves_on())
    )
    assert isinstance(outcome, Written), outcome
    assert {record[KEY] for record in worker.records("Account")} == {NEW, NEWEST}
