"""`orderstream validate --wait` as people run it: the store's own next order is followed and read."""

from __future__ import annotations

import orjson
import pytest

from sandbox.processes import orderstream

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(300)]

PATIENCE_SECONDS = 20


class Waiting:
    """One run of the command beside the rig."""

    def __init__(self, rig, *, seconds=PATIENCE_SECONDS):
        command = orderstream("validate", "--wait", "--timeout", str(seconds), "--json")
        self._process = rig.processes.spawn("validate", *command, env=rig.env)
        self._process.is_stopping = True

    def is_waiting(self):
        return "waiting for the next order" in self._process.output

    async def verdict(self):
        """Return the exit code and the only step of the report."""
        code = await self._process.wait(timeout_seconds=6 * PATIENCE_SECONDS)
        said = self._process.output
        assert "Traceback" not in said
        report = orjson.loads(said[said.index("{\n") :])
        (step,) = report["steps"]
        assert report["is_good"] is step["is_good"] is (code == 0)
        assert (report["deleted"], report["records"]) == (0, [])
        return code, step


async def test_the_next_order_is_compared_and_left_where_it_is(make_rig):
    rig = await make_rig()
    await rig.warm_worker()  # order 0 was there before: it is not the next one
    waiting = Waiting(rig)
    await rig.until(waiting.is_waiting)
    await rig.publish([(7, 3)])
    code, step = await waiting.verdict()
    assert (code, step["outcome"], step["key"]) == (0, "synced", "000000007")
    assert set(step["records"]) == {"Account", "Contact", "Opportunity"}
    assert step["compared"] > len(step["records"])
    await rig.settled(2)
    assert rig.versions() == {"000000000": 1, "000000007": 3}


@pytest.mark.proof
async def test_an_order_that_salesforce_refuses_is_told_with_its_code(make_rig):
    rig = await make_rig(RETRY_DELAYS="2s")  # a lone refusal is tried once more
    await rig.warm_worker()
    refusal = {"code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["StageName"]}
    rig.org.fault("row_error", sobject="Opportunity", times=100, **refusal)
    await rig.relay()
    waiting = Waiting(rig, seconds=90)
    await rig.until(waiting.is_waiting)
    await rig.publish([(7, 3)])
    code, step = await waiting.verdict()
    assert (code, step["outcome"]) == (1, "dead")
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in step["problem"]


@pytest.mark.proof
async def test_a_store_that_sends_nothing_and_workers_that_are_away_end_the_wait(make_rig):
    rig = await make_rig()
    code, step = await Waiting(rig, seconds=2).verdict()
    assert code == 1
    assert "no order came in 2 s" in step["problem"]
    waiting = Waiting(rig, seconds=4)
    await rig.until(waiting.is_waiting)
    await rig.publish([(7, 3)])
    code, step = await waiting.verdict()
    assert code == 1
    assert "no worker has it" in step["problem"]
