"""A worker that the group has expelled calls nothing and publishes nothing any more.

The org's own rule against older states is off: the product alone is judged. `make expulsions RUNS=20`
plays each case so often: a fence that holds by luck holds once.
"""

import contextlib
import os

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest

from stream.kafka.topic_admin import TopicAdmin

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(300)]

ORDERS = range(1, 21)
RUNS = range(int(os.environ.get("EXPULSION_RUNS", "1")))


async def expel(settings):
    """Take the group's members out of it, as a coordinator does whose patience ended."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([settings.worker_group])
        coordinator = await admin.find_coordinator(settings.worker_group)
        for member in answer.groups[0][5]:
            leave = LeaveGroupRequest(settings.worker_group, member[0])
            await admin._send_request(leave, coordinator)
    finally:
        await admin.close()


@contextlib.asynccontextmanager
async def without(settings, name):
    """Take a topic away, and make it again."""
    specs = [spec for spec in settings.topics.specs() if spec.name == name]
    async with TopicAdmin(settings) as admin:
        await admin.delete([name])
        yield
        await admin.create(specs)


@pytest.mark.parametrize("run", RUNS)
async def test_its_old_state_is_not_the_last_word(make_rig, run):
    """Its records are refused; meanwhile it is expelled, and others write newer states."""
    rig = await make_rig()
    rig.org.settings(stale_rule=False)
    old = await rig.worker()
    (first,) = await rig.publish([(0, 1)])
    # Expelled before it commits, it would leave the first order to its successor too: two outcomes.
    await rig.until(lambda: has_committed(rig, first))
    async with without(rig.settings, rig.settings.topics.results):
        await rig.publish((n, 2) for n in ORDERS)
        await rig.until(lambda: set(rig.versions().values()) >= {2.0}, timeout_seconds=60)
        await expel(rig.settings)
        assert await old.wait(timeout_seconds=30) == 75
        assert "the group has gone on from generation" in old.output
    await rig.worker("successor")
    await rig.publish((n, 4) for n in ORDERS)
    await rig.publish((n, 3) for n in ORDERS)
    # The first order's result went with the topic, and the audit reads what it counts.
    await rig.until(lambda: has_pending(rig, 1, of=1 + len(ORDERS) * 3), timeout_seconds=90)
    assert {rig.versions()[f"{n:09d}"] for n in ORDERS} == {4.0}
    assert rig.org.summary()["stale_writes"] == 0


async def has_committed(rig, ack) -> bool:
    return await rig.committed_on(ack) > ack.offset


async def has_pending(rig, pending: int, *, of: int) -> bool:
    total = (await rig.audit()).total
    return total.is_balanced and (total.accepted, total.pending) == (of, pending)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.proof
async def test_a_call_is_not_begun_after_the_expulsion(make_rig, run):
    """Expelled while the first call of several is out: the others are left to the successor."""
    rig = await make_rig(SALESFORCE_CONCURRENCY="1", WORKER_LINGER_SECONDS="1")
    rig.org.settings(stale_rule=False)
    old = await rig.warm_worker()
    rig.org.fault("stall_before", times=1, seconds=15, match={"path": "composite"})
    await rig.publish((n, 2) for n in range(1, 400))
    await rig.until(lambda: rig.org.calls()["in_flight"] > 0)
    calls = rig.org.calls()["total"]
    await expel(rig.settings)
    assert await old.wait(timeout_seconds=40) == 75
    # What was seen in flight may be the first of two searches ahead of the one write.
    assert rig.org.calls()["total"] <= calls + 2
    await rig.worker("successor")
    await rig.settled(400)
    assert rig.org.summary()["stale_writes"] == 0
    assert rig.org.summary()["duplicates"] == []
