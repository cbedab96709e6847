"""Several batches in flight: what is acknowledged is done, and an order is in one call at a time."""

import asyncio
import random
from itertools import chain

import pytest
from support.pipeline_world import World

from agents.delivery.types import NotSent
from agents.worker.call_pacing import CallPacing
from agents.worker.context import WorkerContext
from schemas.result import Outcome


async def settle(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
async def world(tmp_path):
    return World(tmp_path, random.Random(1))


async def test_a_slow_call_keeps_only_its_own_customer_waiting(world):
    world.hold.clear()
    slow = world.event("slow1", 1, customer="big")
    world.pipeline.add(slow)
    await settle(lambda: world.calls)
    behind = world.event("o2", 1, customer="big")
    others = [world.event(f"n{n}", 1, customer=f"c{n}") for n in range(20)]
    for event in (behind, *others):
        world.pipeline.add(event)
    await settle(lambda: len(world.done) == 20)
    assert behind.envelope.key not in {result.key for result in world.done}
    world.hold.set()
    await settle(lambda: len(world.acked) == 22)
    world.check()


@pytest.mark.parametrize("suspects", [(), ("another worker's now", "and this one")])
async def test_a_long_line_is_not_mapped_before_its_call_and_keeps_nobody_else_waiting(
    tmp_path, suspects
):
    World(tmp_path, random.Random(1)).journal.begin(suspects)
    world = World(tmp_path, random.Random(1), window=14, max_batch=4)
    world.hold.clear()
    world.pipeline.add(world.event("slow1", 1, customer="big@example.com"))
    await settle(lambda: world.calls)
    for number in range(24):
        await world.pipeline.room()
        event = world.event(f"o{number}", 1, customer="big@example.com")
        world.pipeline.add(event)
        await settle(lambda held=event: not world.pipeline._ready.is_waiting(held))
    assert world.rules.mapped <= 1 + 2 * 4, "what the next call can take, and what came with it"
    world.pipeline.add(world.event("other", 1, customer="small@example.com"))
    await settle(lambda: any("other" in call for call in world.calls))
    world.hold.set()
    await settle(lambda: len(world.acked) == 26)
    world.check()


async def test_a_fence_lets_a_long_line_go_whatever_is_done_behind_it(tmp_path):
    world = World(tmp_path, random.Random(1), max_batch=2)
    world.hold.clear()
    events = [world.event("slow1", 1, customer="big@example.com")]
    world.pipeline.add(events[0])
    await settle(lambda: world.calls)
    for number in range(16):
        events.append(world.event(f"o{number}", 1, customer="big@example.com"))
        world.pipeline.add(events[-1])
    events.append(world.event("other", 1, customer="small@example.com"))
    world.pipeline.add(events[-1])
    await settle(lambda: len(world.done) == 1)
    fence = asyncio.create_task(world.pipeline.fence(5))
    await asyncio.sleep(0)
    world.hold.set()
    assert await fence
    assert len(world.acked) + len(world.dropped) == len(events)
    assert len(world.done) < len(events), "the long line was not worked to its end"
    world.check()


async def test_later_saves_of_an_order_in_flight_become_one_write(world):
    world.hold.clear()
    world.pipeline.add(world.event("slow1", 1))
    await settle(lambda: world.calls)
    for version in (2, 3, 4):
        world.pipeline.add(world.event("slow1", version))
    world.hold.set()
    await settle(lambda: len(world.acked) == 4)
    assert world.calls == [["slow1"], ["slow1"]]
    outcomes = [result.outcome for result in world.done]
    assert outcomes.count(Outcome.SUPERSEDED) == 2


async def test_a_full_window_takes_no_more_until_something_is_acknowledged(tmp_path):
    world = World(tmp_path, random.Random(1), window=2)
    world.hold.clear()
    for number in ("slow1", "slow2"):
        world.pipeline.add(world.event(number, 1, customer=number))
    room = asyncio.create_task(world.pipeline.room())
    await settle(lambda: len(world.calls) == 2)
    assert not room.done()
    world.hold.set()
    async with asyncio.timeout(5):
        await room


async def test_a_fence_that_cannot_wait_for_a_call_says_so(world):
    world.hold.clear()
    world.pipeline.add(world.event("slow1", 1))
    await settle(lambda: world.calls)
    assert not await world.pipeline.fence(0.05)
    assert world.acked == []
    world.hold.set()


async def test_nothing_is_begun_behind_a_fence(world):
    assert await world.pipeline.fence(1)
    world.pipeline.open()
    world.pipeline.add(world.event("o1", 1))
    await settle(lambda: len(world.acked) == 1)
    world.check()


async def test_an_event_that_was_in_hand_at_a_crash_is_worked_with_nothing_else_in_flight(
    tmp_path,
):
    before = World(tmp_path, random.Random(1))
    suspect, neighbour = before.event("slow1", 1, customer="x"), before.event("o1", 1)
    before.journal.begin([suspect.envelope.event_id, neighbour.envelope.event_id])
    world = World(tmp_path, random.Random(1))
    world.hold.clear()
    world.pipeline.add(suspect)
    for n in range(2, 4):
        world.pipeline.add(world.event(f"o{n}", 1, customer=f"c{n}"))
    await settle(lambda: ["slow1"] in world.calls)
    for _ in range(50):
        await asyncio.sleep(0)
    assert world.calls[-1] == ["slow1"], "others wait while the suspect is worked"
    world.hold.set()
    await settle(lambda: len(world.done) == 3)


async def test_many_that_were_in_hand_at_a_crash_are_worked_by_eighths(tmp_path):
    """One after the other, forty orders at 1.2 s a call kept a worker's others for a minute."""
    before = World(tmp_path, random.Random(1))
    events = [before.event(f"o{n}", 1, customer=f"c{n}") for n in range(40)]
    before.journal.begin([held.envelope.event_id for held in events])
    world = World(tmp_path, random.Random(1))
    for held in events:
        world.pipeline.add(held)
    await settle(lambda: len(world.done) == 40)
    assert sorted(chain(*world.calls)) == sorted(f"o{n}" for n in range(40))
    assert max(len(call) for call in world.calls) == 5
    assert not world.journal.has_suspects


async def test_a_bug_ends_the_process_and_acknowledges_nothing(world):
    async def broken(_decisions):
        raise ZeroDivisionError

    world.pipeline._context = WorkerContext(
        **{
            name: getattr(world.pipeline._context, name)
            for name in WorkerContext.__dataclass_fields__
            if name != "finish"
        },
        finish=broken,
    )
    world.pipeline.add(world.event("o1", 1))
    await settle(lambda: world.ended)
    assert isinstance(world.ended[0], ZeroDivisionError)
    assert world.acked == []


async def test_a_bug_in_starting_calls_ends_the_process_too(world, monkeypatch):
    def broken():
        raise OverflowError

    monkeypatch.setattr(CallPacing, "wait_seconds", lambda *_: broken())
    world.pipeline.add(world.event("o1", 1))
    await settle(lambda: world.ended)
    assert isinstance(world.ended[0], OverflowError)
    assert world.acked == []


async def test_an_outage_parks_and_acknowledges(tmp_path):
    world = World(tmp_path, random.Random(1), answer=lambda _b: NotSent("breaker open"))
    world.pipeline.add(world.event("o1", 1))
    await settle(lambda: world.acked)
    assert [result.outcome for result in world.done] == [Outcome.PARKED]


async def test_a_long_line_goes_in_calls_of_its_own_length_beside_a_trickle_of_fresh_orders(world):
    world.hold.clear()
    world.pipeline.add(world.event("slow1", 1, customer="big@example.com"))
    await settle(lambda: world.calls)
    for number in range(60):
        world.pipeline.add(world.event(f"o{number}", 1, customer="big@example.com"))
    await settle(lambda: world.pipeline._locks.waiting == 60)
    fresh = (world.event(f"n{n}", 1, customer=f"c{n}@example.com") for n in range(1000))
    call_up = world.pipeline._pump

    def beside_a_trickle():
        if not world.pipeline._ready and len(world.done) < 61:
            world.pipeline.add(next(fresh))
        call_up()

    world.pipeline._pump = beside_a_trickle
    world.hold.set()
    await settle(lambda: {f"o{n}" for n in range(60)} <= {result.key for result in world.done})
    await settle(lambda: not world.pipeline._running)
    line = [len(call) for call in world.calls if call[0].startswith("o")]
    assert line == [60], "what shares one lock goes in one call"
