"""The broker freezes, dies, fills its disk, loses topics, or deletes what nobody has read yet."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from chaos.product import ask, audit
from chaos.scenario import NotHereError, Scenario
from chaos.stage import Stage
from chaos.topic_tools import create_topic, delete_topic, set_topic

PAUSE_SECONDS = 60.0
KILLS = 2
RETENTION_SECONDS = 20
HEADROOM_ALARM_SECONDS = 15.0
# A segment goes as a whole, when its newest record is too old: so they are kept short.
SHORT_LIVED = {"retention.ms": str(RETENTION_SECONDS * 1000), "segment.ms": "2000"}
LONG_RETENTION_MS = "86400000"
DISK_BYTES = 64 * 1024 * 1024
LOCKED = {
    "kind": "row_error",
    "sobject": "Opportunity",
    "code": "UNABLE_TO_LOCK_ROW",
    "message": "unable to obtain exclusive access to this record",
    "probability": 0.3,
}
REFUSED_ORDER = 700_001
REFUSED = {
    "kind": "row_error",
    "sobject": "Opportunity",
    "external_id_pattern": f"{REFUSED_ORDER}$",
    "code": "STRING_TOO_LONG",
    "message": "data value too large",
    "fields": ["Name"],
}


async def freeze_the_broker(stage: Stage) -> None:
    async with stage.hurting():
        stage.broker.pause()
        stage.seen["broker frozen"] += 1
        await stage.rest(PAUSE_SECONDS)
        stage.broker.resume()
    stage.batches_at_risk += len(stage.workers)


async def kill_the_broker(stage: Stage) -> None:
    async with stage.hurting():
        for _ in range(stage.times(KILLS)):
            stage.broker.kill()
            stage.seen["broker killed"] += 1
            await stage.rest(5)
            await asyncio.to_thread(stage.broker.restart)
            stage.batches_at_risk += len(stage.workers)
            await stage.rest(10)


async def lose_a_retry_topic(stage: Stage) -> None:
    """Delete the first retry tier while rows need it."""
    tier = stage.settings.topics.retry_tiers[0]
    await delete_topic(stage.settings, tier)
    async with stage.hurting():
        armed = await stage.org.arm(LOCKED)
        stage.seen["publish_blocked"] += await stage.says("publish_blocked")
        await stage.rest(10)
        await create_topic(stage.settings, tier)
    await stage.org.disarm(armed)


async def lose_the_dead_letter_queue(stage: Stage) -> None:
    """Have a row refused for good, with nowhere to put it."""
    topics = stage.settings.topics
    await delete_topic(stage.settings, topics.dead_letters)
    await stage.org.arm(REFUSED)
    stage.dead_orders.add(f"{REFUSED_ORDER:09d}")
    async with stage.hurting():
        await stage.load.send(REFUSED_ORDER, 1)
        stage.seen["publish_blocked"] += await stage.says("publish_blocked")
        await stage.rest(10)
        await create_topic(stage.settings, topics.dead_letters)


async def fill_the_disk(stage: Stage) -> None:
    """Fill the broker's disk until the broker cannot go on."""
    ballast = stage.disk / "ballast"
    async with stage.hurting():
        await asyncio.to_thread(fill_disk, ballast)
        stage.seen["disk full"] += 1

        async def is_refusing() -> bool:
            return not await stage.is_ready("ingress")

        stage.seen["ingress said not ready"] += await stage.until(is_refusing)
        await stage.rest(10)
        ballast.unlink()
        await asyncio.to_thread(stage.broker.restart)
        stage.batches_at_risk += len(stage.workers)


def fill_disk(path: Path) -> None:
    """Write a file until there is no room for one more byte."""
    with contextlib.suppress(OSError), path.open("wb") as file:
        while True:
            file.write(b"x" * 65536)
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """Yield a small disk, mounted for the broker; raises NotHereError where that is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NotHereError("a disk of its own for the broker needs Linux and root (mount)")
    mount = shutil.which("mount")
    place = directory / "disk"
    place.mkdir(parents=True, exist_ok=True)
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the command is ours
    if done.returncode != 0:
        raise NotHereError(f"mount was refused: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)  # noqa: S603, S607 - the command is ours


async def outrun_by_retention(stage: Stage) -> None:
    """Stop the workers while retention goes on: seen coming, and counted afterwards."""
    topic = stage.settings.topics.orders
    async with stage.hurting():
        for name in stage.workers:
            await stage.process(name).stop()
        await set_topic(stage.settings, topic, **SHORT_LIVED)
        stage.seen["headroom shown by lag"] += await stage.until(lambda: _headroom_shrinks(stage))
        stage.seen["counted by audit"] += await stage.until(
            lambda: _is_deleted(stage), timeout_seconds=120
        )
        stage.seen["counted by lag"] += await _lag_counts(stage)
        await set_topic(stage.settings, topic, **{"retention.ms": LONG_RETENTION_MS})
        for name in stage.workers:
            await stage.revive(name)


async def _headroom_shrinks(stage: Stage) -> bool:
    lag = await ask(stage.pipeline, "lag", "--json")
    parts = [part for part in lag["partitions"] if part["headroom_seconds"] is not None]
    return any(
        part["headroom_seconds"] < HEADROOM_ALARM_SECONDS and not part["deleted_unread"]
        for part in parts
    )


async def _is_deleted(stage: Stage) -> bool:
    return (await audit(stage.pipeline)).deleted_unread > 0


async def _lag_counts(stage: Stage) -> bool:
    lag = await ask(stage.pipeline, "lag", "--json")
    return any(part["deleted_unread"] for part in lag["partitions"])


SCENARIOS = (
    Scenario(
        "broker-frozen",
        "SIGSTOP of the broker for 60 s",
        freeze_the_broker,
        evidence={"broker frozen": 1},
        needs_own_broker=True,
    ),
    Scenario(
        "broker-killed",
        "kill -9 of the broker and a restart on the same disk, twice",
        kill_the_broker,
        evidence={"broker killed": KILLS},
        needs_own_broker=True,
    ),
    Scenario(
        "retry-topic-unavailable",
        "the first retry tier is deleted while one row in three needs it, and made again",
        lose_a_retry_topic,
        evidence={"publish_blocked": 1},
    ),
    Scenario(
        "dlq-unavailable",
        "the dead-letter topic is deleted when a row is refused for good, and made again (1 dead)",
        lose_the_dead_letter_queue,
        evidence={"publish_blocked": 1},
    ),
    Scenario(
        "broker-disk-full",
        "the broker's disk is filled to the last byte, emptied again, the broker restarted",
        fill_the_disk,
        evidence={"disk full": 1, "ingress said not ready": 1},
        broker_properties={"log.index.size.max.bytes": "65536"},
        needs_own_broker=True,
        broker_disk=small_disk,
    ),
    Scenario(
        "retention-passes-a-stalled-consumer",
        "retention deletes what stopped workers have not read: lag warns, audit and lag count it",
        outrun_by_retention,
        evidence={"headroom shown by lag": 1, "counted by audit": 1, "counted by lag": 1},
        broker_properties={"log.retention.check.interval.ms": "1000"},
        needs_own_broker=True,
        may_delete_unread=True,
    ),
)
