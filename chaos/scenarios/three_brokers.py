"""Three brokers with replication 3 and min.insync 2, and everything a cluster goes through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from chaos.scenarios.broker_outages import fill_disk, small_disk
from chaos.stage import Stage
from chaos.three import (
    BROKERS,
    DOWN_SECONDS,
    Act,
    all_at_once,
    all_in_sync,
    at_risk,
    is_out_of_sync,
    on_three_brokers,
)
from chaos.topic_tools import coordinator, leaders
from sandbox.broker.node import Node
from sandbox.pipeline import INGRESS

Victim = Callable[[Stage], Awaitable[Node]]

ROUNDS = 2
REFUSING_SECONDS = 15.0
SMALL_DISK, OTHERS = 1, (2, 3)


async def leader(stage: Stage) -> Node:
    """Return the broker that leads partition 0 of the orders."""
    led = await leaders(stage.settings, stage.settings.topics.orders)
    return stage.cluster.brokers[led[0]]


async def group_coordinator(stage: Stage) -> Node:
    """Return the broker that keeps the workers' group."""
    found = await coordinator(stage.settings, stage.settings.worker_group)
    return stage.cluster.brokers[found]


async def controller(stage: Stage) -> Node:
    return stage.cluster.controller


def down_and_up(victim: Victim, down: Callable[[Node], None], up: Callable[[Node], None]) -> Act:
    """Return the act: whoever is the victim then goes down for a while, some rounds long."""

    async def act(stage: Stage) -> None:
        async with stage.hurting():
            for _ in range(stage.times(ROUNDS)):
                node = await victim(stage)
                await asyncio.to_thread(down, node)
                stage.seen["brokers hurt"] += 1
                await asyncio.sleep(DOWN_SECONDS)
                await asyncio.to_thread(up, node)
                await all_in_sync(stage)
        at_risk(stage)

    return act


async def roll(stage: Stage, turn: Callable[[int], None], seen: str) -> None:
    """Take one broker after the other, each when every copy is up to date again."""
    async with stage.hurting():
        for number in stage.cluster.brokers:
            await asyncio.to_thread(turn, number)
            stage.seen[seen] += 1
            await all_in_sync(stage)
    at_risk(stage)


async def restart_all(stage: Stage) -> None:
    await roll(stage, lambda number: stage.cluster.brokers[number].restart(), "restarted")


async def move_all(stage: Stage) -> None:
    """Every broker comes back at other addresses; what starts later is told the new ones."""

    def turn(number: int) -> None:
        stage.cluster.move(number)
        stage.readdress(stage.cluster.bootstrap_servers)

    await roll(stage, turn, "moved")


async def two_down(stage: Stage) -> None:
    """One broker is too few for min.insync 2: nothing is accepted, and nothing accepted is lost."""
    async with stage.hurting():
        for number in OTHERS:
            stage.cluster.brokers[number].kill()
            stage.seen["brokers hurt"] += 1
        stage.seen["ingress said not ready"] += await stage.until(lambda: _is_refusing(stage))
        await stage.rest(REFUSING_SECONDS)
        await all_at_once(stage.cluster.brokers[number].restart for number in OTHERS)
        await all_in_sync(stage)
    at_risk(stage)


async def part_the_brokers(stage: Stage) -> None:
    """Cut the leader off from its peers, then all from all; clients reach every one."""
    async with stage.hurting():
        led = await leaders(stage.settings, stage.settings.topics.orders)
        await stage.links.cut(led[0])
        stage.seen["parted"] += 1
        await asyncio.sleep(DOWN_SECONDS)
        for number in stage.cluster.brokers:
            stage.links.hush(number)
        stage.seen["parted"] += 1
        await stage.rest(REFUSING_SECONDS)
        stage.links.heal()
        await all_in_sync(stage)
    at_risk(stage)


async def fill_one_disk(stage: Stage) -> None:
    """One broker of three can write no more, and is restarted when there is room again."""
    node = stage.cluster.brokers[SMALL_DISK]
    disk = stage.disk / "ballast"
    async with stage.hurting():
        await asyncio.to_thread(fill_disk, disk)
        stage.seen["disk full"] += 1
        stage.seen["broker out of sync"] += await is_out_of_sync(stage, SMALL_DISK)
        await stage.rest(DOWN_SECONDS)
        disk.unlink()
        await asyncio.to_thread(node.restart)
        await all_in_sync(stage)
    at_risk(stage)


async def _is_refusing(stage: Stage) -> bool:
    return not await stage.is_ready(INGRESS)


SCENARIOS = (
    on_three_brokers(
        "leader-killed",
        "kill -9 of the leader of the orders' first partition for 8 s, twice",
        down_and_up(leader, Node.kill, Node.restart),
        {"brokers hurt": ROUNDS},
    ),
    on_three_brokers(
        "leader-frozen",
        "SIGSTOP of that leader for 8 s, twice: it wakes up as a leader of the past",
        down_and_up(leader, Node.pause, Node.resume),
        {"brokers hurt": ROUNDS},
    ),
    on_three_brokers(
        "coordinator-killed",
        "kill -9 of the workers' group coordinator for 8 s, twice",
        down_and_up(group_coordinator, Node.kill, Node.restart),
        {"brokers hurt": ROUNDS},
    ),
    on_three_brokers(
        "controller-killed",
        "kill -9 of the controller for 8 s, twice",
        down_and_up(controller, Node.kill, Node.restart),
        {"brokers hurt": ROUNDS},
    ),
    on_three_brokers(
        "rolling-restart",
        "SIGTERM and restart of one broker after the other",
        restart_all,
        {"restarted": BROKERS},
    ),
    on_three_brokers(
        "two-down",
        "two of them killed for 15 s: below min.insync, 503 to every sender",
        two_down,
        {"brokers hurt": 2, "ingress said not ready": 1},
    ),
    on_three_brokers(
        "on-new-addresses",
        "one after the other comes back at other addresses",
        move_all,
        {"moved": BROKERS},
    ),
    on_three_brokers(
        "one-disk-full",
        "the disk of one is filled to the last byte, emptied again, the broker restarted",
        fill_one_disk,
        {"disk full": 1, "broker out of sync": 1},
        broker_properties={"log.index.size.max.bytes": "65536"},
        broker_disk=small_disk,
    ),
    on_three_brokers(
        "parted",
        "the leader is cut off from the others, then nobody hears anybody; clients reach all",
        part_the_brokers,
        {"parted": 2},
        has_links=True,
    ),
)
