"""Two workers, an address that passes from one customer to another, every order of their calls."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.renaming_world import ID, KEY, customer, order, workers
from support.salesforce_fixtures import org_keys, salesforce_org
from support.turns import Turns, orders_of

from agents.delivery.renaming import ADDRESS_HELD
from agents.delivery.types import NotSent, RefusedWrite, Stale, Written
from agents.handling.outcome_rules import may_retry
from schemas.priority import Priority

__all__ = ["org_keys", "salesforce_org", "workers"]

X, Y, Z = "x@example.com", "y@example.com", "z@example.com"
ORDERS = orders_of(3, 3)


async def settled(worker, outcome, body):
    """Send what waits or was refused for now again, as the retry tiers do."""
    if isinstance(outcome, RefusedWrite):
        assert may_retry(outcome, attempt=0), outcome
        (outcome,) = await worker.send(body)
    elif isinstance(outcome, NotSent):
        assert outcome.reason == ADDRESS_HELD
        (outcome,) = await worker.send(body, waited=1)
    assert isinstance(outcome, Written), outcome


@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("turns", ORDERS)
async def test_an_address_passes_on(workers, monkeypatch, turns, is_new):
    worker, other = workers
    await worker.send(customer(X), order(1, X))
    if not is_new:
        await worker.send(customer(Z, customer_id=8), order(2, Z, customer_id=8))
    before = {r[ID]: r["Id"] for r in worker.records("Account")}
    leaves, comes = customer(Y, "11:00:00"), customer(X, "12:00:00", customer_id=8)
    (first,), (second,) = await Turns(turns, monkeypatch).run(
        A=(worker, worker.send(leaves)), B=(other, other.send(comes))
    )
    await settled(other, second, comes)
    await settled(worker, first, leaves)
    for sobject in ("Account", "Contact"):
        found = sorted((r[ID], r[KEY]) for r in worker.records(sobject))
        assert found == [("7", Y), ("8", X)], (found, first, second)
    after = {r[ID]: r["Id"] for r in worker.records("Account")}
    assert after | before == after, "customers have changed records"


@pytest.mark.parametrize(
    ("has_record", "priority", "looks"),
    [(True, Priority.LIVE, 25), (False, Priority.LIVE, 5), (False, Priority.BACKFILL, 0)],
)
async def test_who_never_leaves_is_waited_for_a_while(workers, has_record, priority, looks):
    """Deleted in the store; and a store set up anew gives every customer another id."""
    worker, _ = workers
    await worker.send(customer(X))
    if has_record:
        await worker.send(customer(Z, customer_id=8))
    comes = customer(X, "12:00:00", customer_id=8)
    await worker.client.guard(worker.mapping.sobjects)
    (write,) = worker.write_sets(comes)
    waits = 0
    while True:
        (outcome,) = await worker.dispatcher.send([replace(write, priority=priority, waited=waits)])
        if not isinstance(outcome, NotSent):
            break
        waits += 1
    assert isinstance(outcome, Written), outcome
    assert waits == looks
    assert [r[ID] for r in worker.records("Account") if r[KEY] == X] == ["8"]


async def test_an_old_save_waits_for_nobody(workers):
    """8 had X for an hour, long ago; the save comes again when it is another's."""
    worker, _ = workers
    await worker.send(customer(X))
    await worker.send(customer(Z, "12:00:00", customer_id=8))
    (outcome,) = await worker.send(customer(X, "09:00:00", customer_id=8))
    assert isinstance(outcome, Stale), outcome
    assert {r[ID]: r[KEY] for r in worker.records("Account")} == {"7": X, "8": Z}
