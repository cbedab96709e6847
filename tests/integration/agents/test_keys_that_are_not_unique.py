"""An org whose key fields somebody has made not unique: nothing refuses a second create there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.renaming_world import KEY, OLD, order, workers
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.types import Written

__all__ = ["org_keys", "salesforce_org", "workers"]


@pytest.fixture
def loose(workers):
    """Both workers, on an org that refuses no twin."""
    for sobject in ("Account", "Contact"):
        described = workers[0].org.store.schema[sobject]
        described.put(replace(described.fields[KEY], is_unique=False))
    return workers


async def test_orders_of_a_customer_whom_another_worker_made_make_no_second_one(loose):
    for worker in loose:
        outcomes = await worker.send(*(order(n, OLD, None) for n in range(3)))
        assert all(isinstance(outcome, Written) for outcome in outcomes), outcomes
        assert len(worker.records("Account")) == len(worker.records("Contact")) == 1
    (outcome,) = await loose[1].send(order(9, "new@example.com", None))
    assert outcome.created == ("Account", "Contact", "Opportunity")
