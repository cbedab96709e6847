"""One customer, renamed by two workers at the same moment: each address is another partition's."""

from __future__ import annotations

from typing import Any

import pytest
from support.renaming_world import KEY, NEW, OLD, customer, order, workers
from support.salesforce_fixtures import org_keys, salesforce_org
from support.turns import Turns

from agents.delivery import org_search
from agents.delivery.renaming import LOOKS_OF_WHO_HAS_A_RECORD
from agents.delivery.types import RefusedWrite, Stale, Written
from agents.handling.outcome_rules import may_retry

__all__ = ["org_keys", "salesforce_org", "workers"]

NEWEST = "greta@example.net"


async def test_an_older_renaming_that_was_looked_for_before_a_newer_one_takes_no_key_back(
    workers, monkeypatch
):
    worker, other = workers
    await worker.send(customer(OLD))
    give = org_search.give_keys

    async def late(client: Any, updates: Any) -> Any:
        if client is worker.client:
            monkeypatch.setattr(org_search, "give_keys", give)
            await other.send(customer(NEWEST, "12:00:00"))
        return await give(client, updates)

    monkeypatch.setattr(org_search, "give_keys", late)
    (first,) = await worker.send(customer(NEW, "11:00:00"))
    assert isinstance(first, RefusedWrite), first
    assert may_retry(first, attempt=0)
    assert worker.one("Account")[KEY] == worker.one("Contact")[KEY] == NEWEST
    (second,) = await worker.send(customer(NEW, "11:00:00"))
    assert isinstance(second, Stale), second
    assert worker.one("Account")[KEY] == worker.one("Contact")[KEY] == NEWEST


async def test_a_renaming_of_the_same_second_that_is_a_little_older_is_no_dead_letter(workers):
    worker, other = workers
    await worker.send(customer(OLD))
    await other.send(customer(NEWEST, "12:00:00.700"))
    (outcome,) = await worker.send(customer(NEW, "12:00:00.200"))
    assert isinstance(outcome, Written | Stale), outcome


@pytest.mark.parametrize("is_order", [False, True])
async def test_two_who_meet_a_customer_new_to_the_org_at_once_make_two_which_the_next_save_tells(
    workers, monkeypatch, is_order
):
    """Both look before either writes, under two addresses. A unique field could refuse one."""
    worker, other = workers
    first = order(1, OLD) if is_order else customer(OLD)
    await Turns("ABAB", monkeypatch).run(
        A=(worker, worker.send(first)), B=(other, other.send(customer(NEW, "11:00:00")))
    )
    assert len(worker.records("Account")) == len((OLD, NEW)), "closed: tell docs/decisions/0034"
    (outcome,) = await other.send(customer(NEW, "12:00:00"))
    assert sum("merge the two" in note for note in outcome.notes) == len(("Account", "Contact"))


async def test_who_has_waited_long_enough_says_that_the_address_was_left_just_then(
    workers, monkeypatch
):
    worker, other = workers
    await worker.send(customer(OLD), customer(NEW, customer_id=8))
    comes = customer(OLD, "12:00:00", customer_id=8)
    (outcome,), _ = await Turns("ABBBA", monkeypatch).run(
        A=(worker, worker.send(comes, waited=LOOKS_OF_WHO_HAS_A_RECORD)),
        B=(other, other.send(customer(NEWEST, "11:00:00"))),
    )
    assert isinstance(outcome, Written)
    made = [note for note in outcome.notes if "a second record" in note]
    assert len(made) == len(outcome.created) == len(("Account", "Contact"))
