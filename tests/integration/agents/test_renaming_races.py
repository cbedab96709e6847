"""One customer, renamed by two workers at the same moment: each address is another partition's."""

from __future__ import annotations

from typing import Any

from support.renaming_world import KEY, NEW, OLD, customer, workers
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery import org_search
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
