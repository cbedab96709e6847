"""Topics of three brokers that change under load: cut, made again, larger, moved to others."""

from __future__ import annotations

import asyncio
from functools import partial

from chaos.product import take_ways_out
from chaos.stage import Stage
from chaos.three import (
    BROKERS,
    DOWN_SECONDS,
    all_at_once,
    all_in_sync,
    at_risk,
    is_out_of_sync,
    on_three_brokers,
)
from chaos.topic_tools import (
    add_partitions,
    create_topic,
    delete_topic,
    in_sync,
    leaders,
    move_replicas,
)
from sandbox.pipeline import INGRESS

MORE_PARTITIONS = 6
FIRST_CUT_ORDER = 800_000
CUT_ORDERS = 40
LEFT_BEHIND, OTHERS = 1, (2, 3)


async def unclean_election(stage: Stage) -> None:
    """Leave a broker that missed the latest orders alone, to lead: its log is the truth now.

    Whatever it missed was written to Salesforce before, so only what comes later can be lost. What
    the cut took with it is in no topic, and in nobody's books. Where it took the outcomes of events
    that stayed, `audit` names the command, and a person types it.
    """
    cut = [(FIRST_CUT_ORDER + n, version) for version in (1, 2) for n in range(CUT_ORDERS)]
    await stage.load.send_all(cut[:CUT_ORDERS], senders=CUT_ORDERS)
    await stage.quiet()
    behind = stage.cluster.brokers[LEFT_BEHIND]
    async with stage.hurting():
        await asyncio.to_thread(behind.kill)
        await is_out_of_sync(stage, LEFT_BEHIND)
        await stage.load.send_all(cut[CUT_ORDERS:], senders=CUT_ORDERS)
        await stage.quiet()
        for number in OTHERS:
            stage.cluster.brokers[number].kill()
        await asyncio.to_thread(behind.restart)
        stage.seen["led by who was behind"] += await stage.until(
            lambda: _all_led_by(stage, LEFT_BEHIND)
        )
        await all_at_once(stage.cluster.brokers[number].restart for number in OTHERS)
        await all_in_sync(stage)
        # Late deliveries of what the cut took the newer state of.
        await stage.load.send_all(cut[:CUT_ORDERS], senders=CUT_ORDERS)
        stage.load.go_on()
        stage.seen["log_went_back"] += await stage.says("log_went_back")
    await stage.quiet()
    stage.seen["outcomes in no log"] += await take_ways_out(stage.pipeline)
    stage.load.go_on()
    at_risk(stage)
    stage.batches_at_risk += len(stage.workers)


async def make_topic_again(stage: Stage) -> None:
    """Delete the topic of orders when all is written; make it again while senders repeat."""
    topic = stage.settings.topics.orders
    await stage.quiet()
    async with stage.hurting():
        await delete_topic(stage.settings, topic)
        stage.load.go_on()
        await stage.rest(DOWN_SECONDS)
        await create_topic(stage.settings, topic)
        stage.seen["made again"] += 1
    at_risk(stage)


async def add_to_one_topic(stage: Stage) -> None:
    """Somebody alters one topic of several; a worker and the ingress are deployed after it."""
    async with stage.hurting():
        await add_partitions(stage.settings, stage.settings.topics.orders, MORE_PARTITIONS)
        stage.seen["altered"] += 1
        await stage.rest(DOWN_SECONDS)
        for name in (stage.workers[0], INGRESS):
            await stage.process(name).stop()
            await stage.revive(name)
        stage.seen["topics_differ"] += await stage.says("topics_differ")


async def reassign(stage: Stage) -> None:
    """Every partition of every topic leaves a broker, and comes back with another leader."""
    names = [spec.name for spec in stage.settings.topics.specs()]
    partitions = range(stage.settings.kafka_partitions)
    brokers = list(stage.cluster.brokers)
    async with stage.hurting():
        for kept in (BROKERS - 1, BROKERS):
            moves = {number: _turned(brokers, number + kept)[:kept] for number in partitions}
            await move_replicas(stage.settings, dict.fromkeys(names, moves))
            await stage.until(partial(_are_kept, stage, names, kept))
            stage.seen["replicas moved"] += len(names) * len(partitions)
            await stage.rest(DOWN_SECONDS)
    at_risk(stage)


def _turned(brokers: list[int], by: int) -> list[int]:
    return [brokers[(place + by) % len(brokers)] for place in range(len(brokers))]


async def _all_led_by(stage: Stage, number: int) -> bool:
    led = await leaders(stage.settings, stage.settings.topics.orders)
    return set(led.values()) == {number}


async def _are_kept(stage: Stage, names: list[str], copies: int) -> bool:
    found = [await in_sync(stage.settings, name) for name in names]
    return all(len(here) == copies for topic in found for here in topic.values())


SCENARIOS = (
    on_three_brokers(
        "unclean-election",
        "the one that missed the latest orders leads, the logs go back",
        unclean_election,
        {"led by who was behind": 1, "log_went_back": 1},
        broker_properties={
            "unclean.leader.election.enable": "true",
            "unclean.leader.election.interval.ms": "1000",
        },
        may_delete_unread=True,
        has_stale_rule=True,
    ),
    on_three_brokers(
        "topic-made-again",
        "the orders' topic is deleted, and made again after 8 s under load",
        make_topic_again,
        {"made again": 1},
        may_delete_unread=True,
    ),
    on_three_brokers(
        "partitions-added",
        "the orders' topic alone gets more partitions; a worker and the ingress start after it",
        add_to_one_topic,
        {"altered": 1, "topics_differ": 1},
        is_alone=True,
    ),
    on_three_brokers(
        "replicas-moved",
        "every partition of every topic is moved off a broker and back, to other leaders",
        reassign,
        {"replicas moved": BROKERS},
    ),
)
