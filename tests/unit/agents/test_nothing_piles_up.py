"""What a worker keeps beside the states of its orders is bounded, however long it lives."""

from __future__ import annotations

import asyncio
import random
import tracemalloc

from support.pipeline_world import World

from agents.handling import debounce
from agents.handling.dead_letter_limit import DeadLetterLimit, Fingerprint
from agents.handling.debounce import Debounce
from agents.handling.version_guard import Candidate


async def test_while_calls_have_to_wait_one_timer_looks_again_however_many_events_come(
    tmp_path, monkeypatch
):
    world = World(tmp_path, random.Random(1))
    world.admission.tokens = 0
    world.admission.pause_between_calls = lambda: (3_600.0, 0.0)
    loop, timers = asyncio.get_running_loop(), []
    at = loop.call_at

    def call_at(when, *call, **more):
        timers.append(at(when, *call, **more))
        return timers[-1]

    monkeypatch.setattr(loop, "call_at", call_at)  # call_later ends there, too
    for number in range(50):
        world.pipeline.add(world.event(f"o{number}", 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert sum(not timer.cancelled() for timer in timers) == 1
    world.admission.tokens = 1_000
    world.pipeline._pump_soon()
    async with asyncio.timeout(5):
        while len(world.acked) < 50:
            await asyncio.sleep(0)


def test_orders_that_settle_and_never_come_back_are_forgotten(monkeypatch):
    monkeypatch.setattr(debounce, "MOST_GONE", 10)
    subject = Debounce(max_ms=10_000)
    for number in range(1_000):
        event = Candidate("2026-03-14 18:00:00", "d", 0, "magento.orders", number)
        subject.park((b"%d" % number, frozenset()), event, number)
    assert len(subject._waiting) == 10


def test_what_ended_well_is_counted_and_not_kept():
    subject = DeadLetterLimit(events=50, share=0.5, window_seconds=600.0)
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        for number in range(100_000):
            subject.ended_well(number / 1_000)
        after, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000


def test_causes_that_are_over_are_forgotten():
    subject = DeadLetterLimit(events=50, share=0.5, window_seconds=60.0)
    for number in range(1_000):
        subject.may_die(Fingerprint("MAPPING_ERROR", (), f"v{number}"), number * 100.0)
    assert len(subject._deaths) == 1
