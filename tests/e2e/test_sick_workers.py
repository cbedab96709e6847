"""A worker that is buggy, hangs, is frozen or is killed by an event ends itself, uncommitted."""

import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

POISON = 666
SCRIPT = str(Path(__file__).with_name("sabotaged_worker.py"))


async def sabotaged(rig, kind, **env):
    command = (sys.executable, SCRIPT, kind)
    return await rig._start(f"sick-{kind}", command, {"WORKER_ID": "sick", **env})


@pytest.mark.proof
async def test_an_exception_that_would_leave_the_agent_ends_the_process_uncommitted(make_rig):
    """In Faust it would be an acked, lost message."""
    rig = await make_rig()
    worker = await sabotaged(rig, "escape")
    await rig.publish([(1, 1), (POISON, 1), (2, 1)])
    assert await worker.wait(timeout_seconds=30) == 70
    assert "ZeroDivisionError" in worker.output  # a log tells where, not what was said

    await rig.worker("healthy")
    assert (await rig.settled(3)).total.synced == 3


async def test_a_crash_inside_faust_ends_the_process_at_once(make_rig):
    """Faust stops its services and lets the process stand: the watchdog took five minutes."""
    rig = await make_rig()
    worker = await sabotaged(rig, "crash")
    assert await worker.wait(timeout_seconds=30) == 70
    assert "ended_uncommitted" in worker.output


async def test_a_worker_whose_fetcher_has_ended_ends(make_rig):
    """It kept its partitions, sent its heartbeats, and nothing came."""
    rig = await make_rig()
    worker = await sabotaged(rig, "deaf")
    assert await worker.wait(timeout_seconds=60) == 70
    await rig.publish((n, 1) for n in range(20))
    await rig.worker("healthy")
    assert (await rig.settled(20)).total.synced == 20


async def test_a_worker_joins_again_whose_group_refused_it_for_a_moment(make_rig):
    """Faust asks for no such error: it ended as by a bug of ours, or stood there without a word."""
    rig = await make_rig()
    worker = await sabotaged(rig, "refuse")
    await rig.until(lambda: "group_refuses" in worker.output, timeout_seconds=60)
    await rig.publish((n, 1) for n in range(20))
    assert (await rig.settled(20)).total.synced == 20
    await rig.until(lambda: "commit_refused_yet" in worker.output or not worker.is_running)
    assert worker.is_running, worker.log_tail()


@pytest.mark.parametrize("kind", ["skip", "clear"])
async def test_records_that_faust_skips_or_clears_are_read_after_all(make_rig, kind):
    rig = await make_rig()
    worker = await sabotaged(rig, kind)
    await rig.publish((n, 1) for n in range(200))
    report = await rig.settled(200)
    assert report.total.synced == 200
    assert "gone_back" in worker.output
    assert "events_out_of_reach" not in worker.output


@pytest.mark.proof
async def test_the_watchdog_ends_a_worker_that_hangs_while_there_is_lag(make_rig):
    rig = await make_rig(WORKER_STALL_SECONDS="6")
    worker = await sabotaged(rig, "hang")
    await rig.publish([(POISON, 1), (1, 1)])
    assert await worker.wait(timeout_seconds=60) == 70
    assert "worker_stalled" in worker.output

    await rig.worker("healthy")
    assert (await rig.settled(2)).total.synced == 2


@pytest.mark.proof
async def test_the_watchdog_does_not_fire_while_salesforce_is_away(make_rig):
    rig = await make_rig(WORKER_STALL_SECONDS="4", BREAKER_FAILURES="2")
    worker = await rig.warm_worker()
    rig.org.fault("unavailable")
    await rig.publish((n, 1) for n in range(1, 10))
    await rig.until(lambda: "breaker_open" in worker.output)
    calls = rig.org.calls()["total"]
    await rig.until(lambda: rig.org.calls()["total"] >= calls + 8, timeout_seconds=60)
    assert worker.is_running, worker.log_tail()
    rig.org.clear_faults()
    assert (await rig.settled(10)).total.synced == 10


@pytest.mark.proof
async def test_the_watchdog_does_not_fire_while_the_broker_is_away(
    own_broker, make_settings, salesforce_process, tmp_path
):
    from support.worker_rig import WorkerRig

    from stream.kafka.topic_admin import TopicAdmin

    settings = make_settings(kafka_bootstrap_servers=own_broker.bootstrap_servers)
    async with TopicAdmin(settings) as admin:
        await admin.create(settings.topics.specs())
    env = {"WORKER_STALL_SECONDS": "3"}
    async with WorkerRig(settings, salesforce_process, tmp_path / "run", env) as rig:
        worker = await rig.warm_worker()
        await rig.publish((n, 1) for n in range(1, 5))
        own_broker.pause()
        with pytest.raises(TimeoutError):
            await worker.wait(timeout_seconds=15)
        own_broker.resume()
        # The broker may have expelled it meanwhile: then it ends with 75, and is started again.
        worker.is_stopping = True
        await rig.worker("w2")
        await rig.publish([(5, 1)])
        report = await rig.settled(6, timeout_seconds=90)
        assert report.total.synced == 6
        assert "worker_stalled" not in worker.output


@pytest.mark.proof
async def test_an_event_that_kills_every_worker_becomes_a_dead_letter(make_rig):
    rig = await make_rig()
    await rig.publish([(1, 1), (POISON, 1), (2, 1)])
    deaths = 0
    while deaths < 8:
        worker = await sabotaged(rig, "die")
        with_end = await rig.audit()
        if with_end.total.pending == 0:
            break
        try:
            await worker.wait(timeout_seconds=20)
            deaths += 1
        except TimeoutError:
            break
    report = await rig.settled(3)
    assert (report.total.synced, report.total.dead) == (2, 1)
    assert 3 <= deaths <= 6


async def test_a_frozen_worker_does_not_write_over_its_successor(make_rig):
    """Frozen inside a call and before one, with the org's own rule to refuse what is on the wire."""
    rig = await make_rig()
    old = await rig.warm_worker()
    rig.org.fault("stall_before", times=1, seconds=4, match={"path": "composite"})
    await rig.publish([(1, 1)])
    await rig.until(lambda: rig.org.calls()["in_flight"] > 0)
    old.freeze()
    await rig.worker("successor")
    await rig.publish([(1, 2), (1, 3)])
    await rig.until(lambda: rig.versions().get("000000001") == 3, timeout_seconds=60)
    old.thaw()
    assert await old.wait(timeout_seconds=30) == 75
    report = await rig.settled(4)
    assert report.total.dead == 0
    assert rig.versions()["000000001"] == 3
    assert rig.org.summary()["stale_writes"] == 0
