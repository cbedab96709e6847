"""Deliveries that come five times, shuffled, hours out of order, and ten times too many at once."""

from __future__ import annotations

import random

from chaos.scenario import Scenario
from chaos.stage import Stage

STORY_ORDERS = 2000
# Five deliveries of each order: three states, two of them twice.
DELIVERED_VERSIONS = (1, 2, 2, 3, 3)
HOUR = 3600
FIRST = 100_000
BURST_SECONDS = 20.0
SENDERS = 64


async def five_times_shuffled(stage: Stage) -> None:
    """Deliver 2,000 orders, five times each, in any order."""
    await _deliver(stage, DELIVERED_VERSIONS)


async def hours_out_of_order(stage: Stage) -> None:
    """Deliver states that are hours apart (a version is a second)."""
    await _deliver(stage, tuple(1 + version * HOUR for version in DELIVERED_VERSIONS))


async def _deliver(stage: Stage, versions: tuple[int, ...]) -> None:
    count = int(STORY_ORDERS * stage.scale)
    deliveries = [(FIRST + n, version) for n in range(count) for version in versions]
    random.Random(7).shuffle(deliveries)
    async with stage.hurting():
        await stage.load.send_all(deliveries, senders=SENDERS)
    stage.seen["shuffled deliveries"] += len(deliveries)


async def ten_times_the_load(stage: Stage) -> None:
    usual = stage.load.rate_per_second
    async with stage.hurting():
        before = len(stage.load.deliveries)
        stage.load.rate_per_second = usual * 10
        await stage.rest(BURST_SECONDS)
        stage.load.rate_per_second = usual
        stage.seen["accepted in the burst"] += len(stage.load.deliveries) - before


SCENARIOS = (
    Scenario(
        "duplicates-shuffled",
        "2,000 orders, five deliveries of three states each, shuffled",
        five_times_shuffled,
        evidence={"shuffled deliveries": 500},
    ),
    Scenario(
        "duplicates-hours-out-of-order",
        "the same, with states that are hours apart",
        hours_out_of_order,
        evidence={"shuffled deliveries": 500},
    ),
    Scenario(
        "ten-times-the-load",
        "ten times the usual rate for 20 s",
        ten_times_the_load,
        evidence={"accepted in the burst": 500},
        ack_p99_seconds=5.0,
    ),
)
