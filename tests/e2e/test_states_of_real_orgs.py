"""States that real orgs are in for a while, by the simulated org's switches: nobody dies of them.

Each goes on by itself when the state ends; nothing is restarted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.proof import one_told
from support.worker_rig import WorkerRig

from sandbox.magento.numbered import order_number
from sandbox.process import Process

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(300)]

OLD, NEW = range(1, 7), range(101, 107)
STATES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "read-only": ({"read_only": True}, {"read_only": False}),
    "storage-full": ({"storage_full": True}, {"storage_full": False}),
    "version-retired": ({"retired_below": 66.0}, {"retired_below": 0.0}),
}
PERSON_MAPPING = Path(__file__).parents[2] / "agents" / "mapping" / "person_accounts.yaml"


async def started(make_rig: Any, **env: str) -> tuple[WorkerRig, Process]:
    """Return a worker and the relay that have written the old orders."""
    rig = await make_rig(SALESFORCE_AUTH_PROBE_SECONDS="1", **env)
    await rig.relay()
    worker = await rig.warm_worker()
    await rig.publish((n, 1) for n in OLD)
    await rig.settled(1 + len(OLD))
    return rig, worker


async def all_are_written(rig: WorkerRig) -> None:
    events = 1 + 2 * len(OLD) + len(NEW)
    report = await rig.settled(events, timeout_seconds=150)
    assert (report.total.dead, report.total.synced) == (0, events)
    wanted = dict.fromkeys(map(order_number, (0, *NEW)), 1)
    assert rig.versions() == wanted | dict.fromkeys(map(order_number, OLD), 2)


@pytest.mark.parametrize("state", one_told(STATES, told="storage-full"))
async def test_a_state_of_the_org_costs_nobody_anything(make_rig: Any, state: str) -> None:
    rig, worker = await started(make_rig)
    begin, end = STATES[state]
    rig.org.settings(**begin)
    await rig.publish([*((n, 2) for n in OLD), *((n, 1) for n in NEW)])
    await rig.until(lambda: "writes_held" in worker.output or "breaker_opened" in worker.output)
    if state == "storage-full":  # what exists is changed all the same
        await rig.until(lambda: {rig.versions()[order_number(n)] for n in OLD} == {2})
    rig.org.settings(**end)
    await all_are_written(rig)


@pytest.mark.parametrize("left", one_told(["gone", "redirect"], told="gone"))
async def test_an_org_that_moves_is_followed_and_says_so(
    make_rig: Any, salesforce_process: Any, left: str
) -> None:
    here = salesforce_process.url
    there = here.replace("127.0.0.1", "localhost")
    rig, worker = await started(make_rig, SALESFORCE_INSECURE_URL=f"{here},{there}")
    rig.org.settings(instance_host="localhost", left_instance=left)
    await rig.publish([*((n, 2) for n in OLD), *((n, 1) for n in NEW)])
    await all_are_written(rig)
    assert "salesforce_moved" in worker.output


@pytest.mark.proof
async def test_people_are_accounts_in_an_org_with_person_accounts(
    make_rig: Any, salesforce_process: Any
) -> None:
    salesforce_process.settings(person_accounts=True)
    rig, _ = await started(make_rig, MAPPING_FILE=str(PERSON_MAPPING))
    await rig.publish([*((n, 2) for n in OLD), *((n, 1) for n in NEW)])
    await all_are_written(rig)
    people = rig.org.records("Account", limit=100)["records"]
    assert len(people) == 1 + len(OLD) + len(NEW)
    assert {person["IsPersonAccount"] for person in people} == {True}
    orders = rig.org.records("Opportunity", limit=100)["records"]
    assert {order["AccountId"] for order in orders} == {person["Id"] for person in people}
    summary = rig.org.summary()
    assert (summary["duplicates"], summary["stale_writes"]) == ([], 0)
