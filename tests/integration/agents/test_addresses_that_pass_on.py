"""An address that passes to another customer, and customers whom the org meets under two at once."""

from __future__ import annotations

import pytest
from support.renaming_world import ID, KEY, NEW, OLD, customer, order, workers
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.types import Written

__all__ = ["org_keys", "salesforce_org", "workers"]


async def sent(worker, *bodies):
    outcomes = await worker.send(*bodies)
    assert all(isinstance(outcome, Written) for outcome in outcomes), outcomes
    return outcomes


def owners(worker):
    """Return who has each order: its number → the store's id of the Account's customer."""
    ids = {record["Id"]: record[ID] for record in worker.records("Account")}
    orders = worker.records("Opportunity")
    return {int(record["Magento_Order_ID__c"]): ids[record["AccountId"]] for record in orders}


@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_an_order_stays_with_its_customer_when_another_has_taken_the_address(
    workers, is_elsewhere
):
    """A colleague registered with the address: the worker knew the key, and asked nobody whose."""
    worker, other = workers
    await sent(worker, order(1, OLD), customer(OLD, "09:30:00"))
    await sent(worker, customer(NEW, "11:00:00"))
    await sent(worker, customer(OLD, "12:00:00", customer_id=8))
    await sent(other if is_elsewhere else worker, order(2, OLD, customer_id=8))
    await sent(other if is_elsewhere else worker, order(1, OLD))
    assert owners(worker) == {1: "7", 2: "8"}
    assert {r[ID]: r[KEY] for r in worker.records("Account")} == {"7": NEW, "8": OLD}


@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_an_order_given_to_another_customer_goes_there_whatever_a_worker_remembers(
    workers, is_elsewhere
):
    """Modules that merge customers change the order's customer_id, and not its address."""
    worker, other = workers
    await sent(worker, order(1, OLD), customer(OLD), customer("main@example.com", customer_id=9))
    await sent(other if is_elsewhere else worker, order(1, OLD, customer_id=9))
    assert owners(worker) == {1: "9"}


async def test_who_shares_an_address_is_asked_for_once(workers):
    worker, _ = workers
    await sent(worker, order(1, OLD, customer_id=None), customer(OLD))
    for number, person in ((2, 7), (3, 8), (4, None)):
        await sent(worker, order(number, OLD, customer_id=person))
    for number, person in ((5, 7), (6, 8), (7, None)):
        (write,) = worker.write_sets(order(number, OLD, customer_id=person))
        assert not worker.dispatcher.asks_first(write)


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("is_known_as_guest", [False, True])
async def test_who_registers_and_corrects_the_address_within_a_batch_is_one_person(
    workers, is_turned, is_known_as_guest
):
    """After an outage both saves come at once, of a customer whom the org does not have yet."""
    worker, _ = workers
    if is_known_as_guest and not is_turned:
        await sent(worker, order(1, OLD, customer_id=None))
    batch = [customer(OLD), order(2, OLD), customer(NEW, "11:00:00"), order(3, NEW)]
    await worker.send(*(reversed(batch) if is_turned else batch))
    assert worker.one("Account")[KEY] == NEW == worker.one("Contact")[KEY]
    assert worker.one("Contact")["Email"] == NEW
    assert set(owners(worker).values()) == {"7"}


async def test_orders_of_a_new_customer_under_two_addresses_in_a_batch_are_one_customers(workers):
    worker, _ = workers
    await sent(worker, order(1, OLD), order(2, NEW), order(3, OLD), order(4, NEW, customer_id=8))
    assert owners(worker) == {1: "7", 2: "7", 3: "7", 4: "8"}
    await sent(worker, customer(NEW, "11:00:00", customer_id=8), customer(OLD))
    assert len(worker.records("Account")) == 2


CHAIN = (("a@example.com", 7), ("b@example.com", 8), ("c@example.com", 9))


@pytest.mark.parametrize("is_turned", [False, True])
async def test_addresses_that_pass_on_within_a_batch_are_each_their_new_customers(
    workers, is_turned
):
    """9 leaves c, 8 moves from b to c, 7 from a to b: one call wrote 7 over 8's records."""
    worker, _ = workers
    await sent(worker, *(customer(email, customer_id=one) for email, one in CHAIN))
    await sent(worker, *(order(one, email, customer_id=one) for email, one in CHAIN))
    before = {record[ID]: record["Id"] for record in worker.records("Account")}
    moves = [
        customer("d@example.com", "11:00:00", customer_id=9),
        customer("c@example.com", "11:01:00", customer_id=8),
        order(8, "b@example.com", customer_id=8),
        customer("b@example.com", "11:02:00", customer_id=7),
        order(10, "b@example.com", customer_id=7),
    ]
    await sent(worker, *(reversed(moves) if is_turned else moves))
    found = {record[ID]: (record["Id"], record[KEY]) for record in worker.records("Account")}
    assert found == {
        "7": (before["7"], "b@example.com"),
        "8": (before["8"], "c@example.com"),
        "9": (before["9"], "d@example.com"),
    }
    assert len(worker.records("Contact")) == len(CHAIN)
    assert owners(worker) == {7: "7", 8: "8", 9: "9", 10: "7"}


async def test_orders_of_a_known_address_beside_a_change_back_make_no_twin(workers):
    worker, _ = workers
    await sent(worker, customer(OLD), order(1, OLD))
    await sent(worker, customer(NEW, "11:00:00"), order(2, NEW))
    await sent(worker, order(1, OLD), order(3, NEW))
    await sent(worker, order(3, NEW), order(2, NEW), customer(OLD, "12:00:00"))
    assert worker.one("Account")[KEY] == OLD == worker.one("Contact")[KEY]
    assert owners(worker) == {1: "7", 2: "7", 3: "7"}


async def test_two_who_wait_for_each_other_are_written(workers):
    """A swap needs a third address in the store; a forged or a lost save ends all the same."""
    worker, _ = workers
    await sent(worker, customer(OLD), customer(NEW, customer_id=8))
    swap = customer(NEW, "11:00:00"), customer(OLD, "11:00:00", customer_id=8)
    assert len(await worker.send(*swap)) == len(swap)
