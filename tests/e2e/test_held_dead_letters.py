"""A mapping that fits no order: the first ones are dead letters, the rest waits for a person."""

from __future__ import annotations

import pytest

from agents.mapping.mapping import default_text
from sandbox.processes import orderstream

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(300)]

LIMIT, ORDERS = 5, 20
RIGHT = """from: created_at
          transforms: [date(+1 month)]
          or_else: [updated_at, $received_at]"""
WRONG = """from: delivery_promise
          transforms: [date(+1 month)]"""


async def refused(make_rig, mapping):
    """Return a rig whose worker could map none of its orders, when the first ones are dead."""
    assert RIGHT in default_text()
    mapping.write_text(default_text().replace(RIGHT, WRONG))
    rig = await make_rig(
        DEAD_LETTER_LIMIT_EVENTS=str(LIMIT), MAPPING_FILE=str(mapping), RETRY_DELAYS="2s"
    )
    await rig.relay()
    worker = await rig.worker()
    await rig.publish([(n, 1) for n in range(1, ORDERS + 1)])
    await rig.until(lambda: has_dead(rig, LIMIT), timeout_seconds=60)
    return rig, worker


async def has_dead(rig, count: int) -> bool:
    return (await rig.audit()).total.dead >= count


@pytest.mark.proof
async def test_what_waits_is_written_when_the_mapping_is_right_again(make_rig, tmp_path):
    mapping = tmp_path / "mapping.yaml"
    rig, worker = await refused(make_rig, mapping)
    mapping.write_text(default_text())
    await worker.stop()
    await rig.worker("w2")
    report = await rig.settled(ORDERS, timeout_seconds=150)
    assert (report.total.dead, report.total.synced) == (LIMIT, ORDERS - LIMIT)


@pytest.mark.proof
async def test_a_release_makes_them_dead_letters(make_rig, tmp_path):
    rig, _ = await refused(make_rig, tmp_path / "mapping.yaml")
    command = orderstream("dlq", "release", "MAPPING_ERROR", "--why", "test orders")
    releasing = rig.processes.spawn("release", *command, env=rig.env)
    releasing.is_stopping = True
    assert await releasing.wait(timeout_seconds=60) == 0, releasing.output
    report = await rig.settled(ORDERS, timeout_seconds=150)
    assert report.total.dead == ORDERS
