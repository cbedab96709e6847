"""Workers that are killed, restarted, joined and taken away, always in the middle of their work."""

from __future__ import annotations

import asyncio
import shutil
import time

from chaos.scenario import Scenario
from chaos.stage import Stage
from chaos.topic_tools import end_offsets, record_count, set_topic
from sandbox.pipeline import INGRESS, RELAY

ROUNDS = 3
WRITTEN_NOT_ANSWERED = {"kind": "stall_after", "seconds": 8, "match": {"path": "composite"}}
SLOW = {"kind": "latency", "latency_ms": 400, "match": {"path": "composite"}}
SLOWER = {"kind": "latency", "latency_ms": 1200, "match": {"path": "composite"}}
STUCK = {"kind": "stall_before", "seconds": 8, "times": 1, "match": {"path": "composite"}}
SEVERAL = 4
WINDOW_BATCHES = 4
STORM_SECONDS = 60.0
STORM_PACE_SECONDS = 3.0
STORM_WORKER = 3
SOON_COMPACTED = {
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "1000",
}


async def kill_in_mid_batch(stage: Stage) -> None:
    """Kill each worker in turn, three times, while Salesforce calls are under way."""
    slow = await stage.org.arm(SLOW)
    async with stage.hurting():
        for _ in range(stage.times(ROUNDS)):
            for name in stage.workers:
                await _kill_in_call(stage, name)
    await stage.org.disarm(slow)


async def _kill_in_call(stage: Stage, name: str) -> None:
    stage.seen["in mid-batch"] += await stage.until_in_call()
    await stage.kill(name)
    await stage.rest(1)
    await stage.revive(name)
    await stage.rest(3)


async def kill_with_several_in_flight(stage: Stage) -> None:
    """Kill a worker with several calls on the wire and one that hangs before all of them."""
    slow = await stage.org.arm(SLOWER)
    async with stage.hurting():
        for _ in range(stage.times(ROUNDS)):
            for name in stage.workers:
                stuck = await stage.org.arm(STUCK)
                stage.seen["several in flight"] += await stage.until_in_call(SEVERAL)
                # What is done behind the one that hangs is done again: a window of it.
                await stage.kill(name, at_risk=WINDOW_BATCHES)
                await stage.org.disarm(stuck)
                await stage.rest(1)
                await stage.revive(name)
                await stage.rest(3)
    await stage.org.disarm(slow)


async def kill_after_the_write(stage: Stage) -> None:
    """Salesforce has written and not answered; the worker dies before it hears of it."""
    async with stage.hurting():
        for _ in range(stage.times(ROUNDS)):
            for name in stage.workers:
                stalled = await stage.org.arm(WRITTEN_NOT_ANSWERED)
                stage.seen["written, not answered"] += await stage.until_in_call()
                await asyncio.sleep(0.3)
                await stage.kill(name)
                await stage.org.disarm(stalled)
                await stage.revive(name)
                await stage.rest(3)


async def kill_before_the_commit(stage: Stage) -> None:
    """Freeze the broker, let Salesforce answer, kill the worker with its commit undone."""
    async with stage.hurting():
        for _ in range(stage.times(ROUNDS)):
            for name in stage.workers:
                await stage.until_in_call()
                stage.broker.pause()

                async def is_answered() -> bool:
                    return await stage.in_flight() == 0

                stage.seen["answered, not committed"] += await stage.until(is_answered)
                await stage.kill(name)
                stage.broker.resume()
                await stage.revive(name)
                await stage.rest(3)


async def restart_in_good_order(stage: Stage) -> None:
    """Give every process SIGTERM and start it again, one after the other."""
    async with stage.hurting():
        for name in (*stage.workers, RELAY, INGRESS):
            code = await stage.process(name).stop()
            stage.seen["clean exit" if code == 0 else f"exit {code}"] += 1
            await stage.revive(name)
            await stage.rest(2)


async def storm_of_rebalances(stage: Stage) -> None:
    """Let a third worker join and leave all the time, every other time by kill -9."""
    deadline = time.monotonic() + STORM_SECONDS * stage.scale
    async with stage.hurting():
        while time.monotonic() < deadline:
            await stage.pipeline.start_worker(STORM_WORKER)
            await asyncio.sleep(STORM_PACE_SECONDS)
            if stage.seen["joined"] % 2:
                await stage.kill(f"worker-{STORM_WORKER}")
            else:
                await stage.process(f"worker-{STORM_WORKER}").stop()
            stage.seen["joined"] += 1
            # A generation that ends hands over what was in hand.
            stage.batches_at_risk += stage.pipeline.workers
            await asyncio.sleep(STORM_PACE_SECONDS)


async def kills_and_storm(stage: Stage) -> None:
    """Three kills -9 in mid-batch, then the storm."""
    slow = await stage.org.arm(SLOW)
    for name in [*stage.workers, *stage.workers][:ROUNDS]:
        await _kill_in_call(stage, name)
    await stage.org.disarm(slow)
    await storm_of_rebalances(stage)


async def lose_the_disks(stage: Stage) -> None:
    """All workers stop, their local files go, the broker compacts the state, they come back."""
    settings, topic = stage.settings, stage.settings.topics.state
    await set_topic(settings, topic, **SOON_COMPACTED)
    await stage.rest(10)
    async with stage.hurting():
        for name in stage.workers:
            await stage.process(name).stop()
        shutil.rmtree(stage.pipeline.processes.directory / "state", ignore_errors=True)
        stage.seen["disks lost"] += 1
        written = await end_offsets(settings, topic)

        async def is_compacted() -> bool:
            return await record_count(settings, topic) < written

        await stage.until(is_compacted)
        kept = await record_count(settings, topic)
        stage.seen["state records compacted away"] += written - kept
        for name in stage.workers:
            await stage.revive(name)


SCENARIOS = (
    Scenario(
        "worker-killed-in-mid-batch",
        "kill -9 of each worker in turn, three times, while its Salesforce calls are under way",
        kill_in_mid_batch,
        evidence={"kill -9": 6, "in mid-batch": 6},
    ),
    Scenario(
        "worker-killed-with-several-in-flight",
        "kill -9 of each worker three times, with four calls on the wire and one that hangs",
        kill_with_several_in_flight,
        evidence={"kill -9": 6, "several in flight": 6},
        rate_per_second=60.0,
    ),
    Scenario(
        "worker-killed-after-the-write",
        "kill -9 of each worker three times, when Salesforce has written and not yet answered",
        kill_after_the_write,
        evidence={"kill -9": 6, "written, not answered": 6},
    ),
    Scenario(
        "worker-killed-before-the-commit",
        "kill -9 of each worker three times, between Salesforce's answer and the commit",
        kill_before_the_commit,
        evidence={"kill -9": 6, "answered, not committed": 6},
        needs_own_broker=True,
    ),
    Scenario(
        "rolling-restart",
        "SIGTERM and restart of every worker, the relay and the ingress, one after the other",
        restart_in_good_order,
        evidence={"clean exit": 4},
        ack_p99_seconds=15.0,
    ),
    Scenario(
        "rebalance-storm",
        "a third worker joins and leaves every 3 s for a minute, every other time by kill -9",
        storm_of_rebalances,
        evidence={"joined": 3, "kill -9": 1},
    ),
    Scenario(
        "kills-and-rebalance-storm",
        "three kills -9 in mid-batch, then the storm of rebalances",
        kills_and_storm,
        evidence={"kill -9": 3, "in mid-batch": 3, "joined": 3},
    ),
    Scenario(
        "local-files-deleted",
        "all local files of the workers deleted between runs, salesforce.state compacted meanwhile",
        lose_the_disks,
        evidence={"disks lost": 1, "state records compacted away": 1},
        broker_properties={"log.cleaner.backoff.ms": "300"},
        needs_own_broker=True,
    ),
)
