"""Each way a Faust worker is known to lose events, tried on ours (kafka reference §1)."""

import asyncio
import signal

import pytest
from support.worker_rig import SESSION_SECONDS

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]


async def test_a_batch_half_done_at_kill_9_is_redelivered_and_nothing_is_doubled(make_rig):
    rig = await make_rig(WORKER_LINGER_SECONDS="3")  # time to fetch them all into one batch
    rig.org.fault("stall_after", times=1, seconds=30, match={"path": "composite"})
    await rig.publish((n, 1) for n in range(300))
    worker = await rig.worker()
    await rig.until(lambda: rig.org.summary()["writes"] > 0)
    assert (await worker.kill()) < 0

    rig.org.clear_faults()
    await rig.worker("w2")
    report = await rig.settled(300)
    assert report.total.dead == 0
    assert len(rig.versions()) == 300
    summary = rig.org.summary()
    assert summary["duplicates"] == []
    assert summary["stale_writes"] == 0


async def test_sigterm_in_mid_batch_finishes_the_call_and_commits(make_rig):
    rig = await make_rig()
    worker = await rig.warm_worker()
    rig.org.settings(latency_ms=1500)
    await rig.publish((n, 1) for n in range(1, 50))
    await rig.until(lambda: rig.org.calls()["in_flight"] > 0)
    assert await worker.stop(timeout_seconds=15) == 0

    report = await rig.audit()
    assert report.total.synced > 1, "what was in a call is done"
    assert report.total.synced + report.total.pending == 50, "what was not begun is left"
    rig.org.settings(latency_ms=0)
    await rig.worker("w2")
    await rig.relay()  # what was in hand and had no call yet was parked
    await rig.publish([(1000, 1)])
    report = await rig.settled(51)
    assert report.duplicates == 0, "nothing committed is delivered again"


@pytest.mark.proof
async def test_sigterm_while_the_breaker_is_open_parks_what_is_in_hand(make_rig):
    rig = await make_rig(BREAKER_FAILURES="1", BREAKER_PROBE_SECONDS="30")
    worker = await rig.warm_worker()
    rig.org.fault("unavailable")
    await rig.publish((n, 1) for n in range(1, 29))
    await rig.until(lambda: "breaker" in worker.output)
    assert await worker.stop(timeout_seconds=15) == 0

    rig.org.clear_faults()
    await rig.relay()
    await rig.worker("w2")
    report = await rig.settled(29)
    assert (report.total.synced, report.total.dead) == (29, 0)


@pytest.mark.proof
async def test_a_second_sigterm_ends_at_once_and_loses_nothing(make_rig):
    rig = await make_rig()
    worker = await rig.warm_worker()
    rig.org.settings(latency_ms=20_000)
    await rig.publish([(1, 1)])
    await rig.until(lambda: rig.org.calls()["in_flight"] > 0)
    worker.send_signal(signal.SIGTERM)
    await rig.until(lambda: "stopping" in worker.output)
    worker.send_signal(signal.SIGTERM)
    assert await worker.wait(timeout_seconds=3) == 128 + signal.SIGTERM

    rig.org.settings(latency_ms=0)
    await rig.worker("w2")
    assert (await rig.settled(2)).total.synced == 2


@pytest.mark.proof
async def test_a_stop_that_cannot_finish_ends_at_its_deadline_uncommitted(make_rig):
    rig = await make_rig(WORKER_STOP_DEADLINE_SECONDS="2")
    worker = await rig.warm_worker()
    rig.org.settings(latency_ms=30_000)
    await rig.publish([(1, 1)])
    await rig.until(lambda: rig.org.calls()["in_flight"] > 0)
    worker.send_signal(signal.SIGTERM)
    assert await worker.wait(timeout_seconds=8) == 75

    rig.org.settings(latency_ms=0)
    await rig.worker("w2")
    assert (await rig.settled(2)).total.synced == 2


async def test_a_record_that_cannot_be_decoded_is_a_dead_letter_and_the_next_one_is_synced(
    make_rig,
):
    rig = await make_rig()
    await rig.publish_raw(b"\xff\xfe not json")
    await rig.publish_raw(b"[" * 100_000)
    await rig.publish([(1, 1)])
    await rig.worker()
    report = await rig.settled(3)
    assert (report.total.synced, report.total.dead) == (1, 2)


@pytest.mark.proof
async def test_a_batch_that_takes_longer_than_the_group_session_keeps_its_partitions(make_rig):
    rig = await make_rig()
    worker = await rig.warm_worker()
    rig.org.fault(
        "latency",
        times=1,
        latency_ms=int(SESSION_SECONDS * 1000) + 4000,
        match={"path": "composite"},
    )
    await rig.publish([(1, 1)])
    await rig.settled(2)
    await rig.publish([(2, 1)])
    report = await rig.settled(3)
    assert report.duplicates == 0
    assert worker.is_running
    assert "rejoin" not in worker.output.lower()


@pytest.mark.proof
async def test_workers_that_join_one_another_on_unread_topics_skip_nothing(make_rig):
    """Nothing is committed yet when the second and third rebalance come."""
    rig = await make_rig()
    await rig.publish((n, 1) for n in range(400))
    async with asyncio.TaskGroup() as group:
        for name in ("w1", "w2", "w3"):
            group.create_task(rig.worker(name))
    report = await rig.settled(400)
    assert (report.total.synced, report.unanswered_count) == (400, 0)


async def test_partition_p_of_every_source_topic_is_on_the_same_worker(make_rig):
    rig = await make_rig()
    for name in ("w1", "w2", "w3"):
        await rig.worker(name)
    await rig.publish((n, 1) for n in range(200))
    await rig.settled(200)

    owners = {}

    async def is_stable():
        owners.update(await rig.owners())
        return bool(owners)

    await rig.until(is_stable)
    assert len(set(owners.values())) >= 2, "the work is spread"
    for partition in range(rig.settings.kafka_partitions):
        held_by = {owners[topic, partition] for topic in rig.settings.topics.sources}
        assert len(held_by) == 1, f"partition {partition} is on {held_by}"
