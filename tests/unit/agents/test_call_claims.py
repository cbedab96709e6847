"""A batch that asks the org first keeps a token for its write; nobody else's lookup takes it."""

import asyncio
import random
from math import inf

import pytest
from support.pipeline_world import Slots, World

from agents.delivery.cost_model import CostModel
from agents.worker.call_pacing import CallPacing, Claim


@pytest.fixture
def pacing():
    return CallPacing(Slots(5, tokens=2), CostModel(), lambda: False, 0, 1000)


def test_the_write_after_a_lookup_has_a_token_before_another_batch_starts(pacing):
    claim = Claim(pacing)
    claim.follow()
    pacing.admission.tokens = 1  # the lookup has taken one
    claim.flies()
    assert (pacing.starting, pacing.owed) == (0, 1)
    assert pacing.wait_seconds(10) > 0
    pacing.admission.tokens = 0
    claim.flies()
    assert (pacing.starting, pacing.owed) == (0, 0)
    pacing.admission.tokens = 1
    assert pacing.wait_seconds(10) == 0


def test_a_lookup_in_flight_keeps_no_slot_from_others(pacing):
    pacing.admission.tokens = 1_000
    claims = [Claim(pacing) for _ in range(4)]
    for claim in claims:
        claim.follow()
        claim.flies()
        pacing.admission.in_flight += 1
    assert pacing.wait_seconds(10) == 0


def test_whatever_flew_or_not_a_batch_that_is_over_keeps_nothing(pacing):
    woken = []
    pacing.admission.when_free = lambda: woken.append(1)
    for calls, follows, flown in [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1), (1, 1, 3)]:
        claim = Claim(pacing, calls)
        for _ in range(follows):
            claim.follow()
        for _ in range(flown):
            claim.flies()
        claim.over()
        claim.over()
        assert (pacing.starting, pacing.owed) == (0, 0)
    assert len(woken) == 6  # once for each call that was to come


async def test_a_pipeline_owes_nothing_when_its_lookups_made_no_second_call(tmp_path):
    world = World(tmp_path, random.Random(1), asks_first=lambda write: write.key != "o3")
    for n in range(1, 6):
        world.pipeline.add(world.event(f"o{n}", 1, customer=f"c{n}"))
    while len(world.done) < 5 or world.pipeline._running:
        await asyncio.sleep(0.001)
    pacing = world.pipeline._pacing
    assert (pacing.starting, pacing.owed) == (0, 0)


async def test_who_is_called_up_and_finds_the_lock_free_is_owed_the_write_behind_its_lookup(
    tmp_path,
):
    world, owed = World(tmp_path, random.Random(1), asks_first=lambda _: True), []
    pacing, send = world.pipeline._pacing, world.send

    async def looked_for(bundles):
        outcomes = await send(bundles)  # the one request of the fake is the lookup
        await asyncio.sleep(0)
        owed.append((pacing.starting, pacing.owed))
        return outcomes

    world.send = looked_for
    held = world.event("o1", 1, customer="big@example.com")
    world.pipeline._ledger.add(held)
    world.pipeline._ready.add(held)
    world.pipeline._start_work(world.pipeline._ready.take(1), "big@example.com")
    while not world.done or world.pipeline._running:
        await asyncio.sleep(0.001)
    assert owed == [(0, 1)]
    assert (pacing.starting, pacing.owed) == (0, 0)


def test_one_full_batch_of_live_orders_is_made_ready_before_a_slot_is_free(pacing):
    pacing.admission.tokens = 1_000
    pacing.admission.in_flight = 5
    most = pacing.most_orders()
    assert pacing.wait_seconds(most - 1, most - 1) == inf
    assert pacing.wait_seconds(5 * most, most - 1) == inf  # a live one would wait behind these
    assert pacing.wait_seconds(most, most) == 0
    ahead = Claim(pacing)
    assert pacing.wait_seconds(5 * most, 5 * most) == inf, "one is enough"
    ahead.flies()
    assert pacing.wait_seconds(most, most) == 0


async def test_what_was_made_ready_ahead_goes_when_a_slot_is_free_and_a_fence_waits_for_it(
    tmp_path,
):
    world = World(tmp_path, random.Random(1), slots=1, max_batch=4)
    world.hold.clear()
    for n in range(1, 13):
        world.pipeline.add(world.event(f"slow{n}", 1, customer=f"c{n}"))
    async with asyncio.timeout(5):
        while world.rules.mapped < 8 or not world.calls:
            await asyncio.sleep(0)
    assert len(world.calls) == 1
    fence = asyncio.create_task(world.pipeline.fence(5))
    await asyncio.sleep(0)
    world.hold.set()
    assert await fence
    assert len(world.done) == 8
    assert len(world.dropped) == 4
    world.check()
