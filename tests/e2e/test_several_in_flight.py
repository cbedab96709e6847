"""Kill -9, a join and SIGTERM with several calls in flight: nothing lost, doubled or stale."""

import asyncio

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

ORDERS = 120
SEVERAL = 3


async def test_workers_come_and_go_with_several_calls_in_flight(make_rig):
    rig = await make_rig()
    first = await rig.warm_worker()
    rig.org.settings(latency_ms=400)
    accepted, version = 1, 1

    async def save_all():
        nonlocal accepted, version
        version += 1
        await rig.publish((n, version) for n in range(ORDERS))
        accepted += ORDERS
        await rig.until(lambda: rig.org.calls()["in_flight"] >= SEVERAL)

    await save_all()
    assert (await first.kill()) < 0
    second = await rig.worker("w2")
    await save_all()
    joining = asyncio.create_task(rig.worker("w3"))
    await save_all()
    third = await joining
    await save_all()
    assert await second.stop(timeout_seconds=30) == 0
    assert third.is_running, third.log_tail()

    rig.org.settings(latency_ms=0)
    report = await rig.settled(accepted, timeout_seconds=90)
    assert (report.total.dead, report.unanswered_count) == (0, 0)
    assert set(rig.versions().values()) == {version}
    summary = rig.org.summary()
    assert summary["duplicates"] == []
    assert summary["stale_writes"] == 0


async def test_one_slow_call_delays_nobody_else(make_rig):
    rig = await make_rig()
    worker = await rig.warm_worker()
    rig.org.fault("stall_before", times=1, seconds=30, match={"path": "composite"})
    await rig.publish([(1, 1)])
    await rig.until(lambda: rig.org.calls()["in_flight"] > 0)
    await rig.publish((n, 1) for n in range(2, 40))
    await rig.until(lambda: len(rig.versions()) == 39, timeout_seconds=20)
    assert "000000001" not in rig.versions()
    await worker.kill()  # told to stop, it would wait for the call
