"""An org that cannot be asked who its customers are, for a while: nobody gets a twin for it."""

from __future__ import annotations

import pytest
from support.renaming_world import KEY, NEW, OLD, customer, order, workers
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.types import Written

__all__ = ["org_keys", "salesforce_org", "workers"]

FORBIDDEN = [{"errorCode": "API_DISABLED_FOR_ORG", "message": "The REST API is not enabled."}]
GONE = [{"errorCode": "GONE", "message": "API version 58.0 is retired"}]
PAGE = "<html><body>Access denied by policy</body></html>"
REFUSED = [(403, FORBIDDEN), (403, PAGE), (410, GONE), (404, PAGE), (405, PAGE), (451, PAGE)]


@pytest.mark.parametrize(("status", "body"), REFUSED)
@pytest.mark.parametrize("saved", [customer(NEW, "11:00:00"), order(2, NEW)])
async def test_who_is_asked_for_while_nobody_is_let_in_is_asked_for_again(
    workers, status, body, saved
):
    """What refuses every call has said nothing about the question."""
    worker, _ = workers
    await worker.send(customer(OLD))
    refusal = {"status": status, "body": body, "match": {"path": "composite"}}
    worker.org.faults.add({"kind": "respond", "times": 1, **refusal})
    while not isinstance((await worker.send(saved))[0], Written):
        pass
    assert len(worker.records("Account")) == len(worker.records("Contact")) == 1
    assert (worker.one("Account")[KEY] == NEW) is ("customer" in saved)
