"""A kind of write that the org refuses for days: each look of a waiting order costs calls."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.handler_world import TOPICS, World

from agents.delivery.renaming import ADDRESS_HELD
from agents.delivery.types import NotSent
from stream.topics import Topics

FULL = NotSent("Opportunity: STORAGE_LIMIT_EXCEEDED: The org's data storage is full.")
DAY_MS = 86_400_000


def looks_of_a_day(world, event):
    """Return how long the event waits before each look of a day, and the results it writes."""
    waits, said, began = [], 0, world.now
    while world.now < began + DAY_MS:
        (decision,) = world.handle(event)
        said += not decision.is_repeated
        event = decision.envelope
        waits.append(event.not_before_ms - world.now)
        world.now = event.not_before_ms
    return waits, said


def test_who_waits_for_a_day_looks_every_half_minute_at_first_and_then_every_ten():
    world = World(lambda _: FULL)
    world.handler.ends = replace(world.handler.ends, topics=Topics())
    waits, said = looks_of_a_day(world, world.event())
    assert waits[:10] == [30_000] * 10
    assert waits[-1] == max(waits) == 600_000
    assert len(waits) < 200, "at every half minute 2,880, a share of a call each"
    assert said == 1


def test_another_reason_begins_anew():
    answers = [FULL] * 12 + [NotSent("API_DISABLED_FOR_ORG")] * 2
    world = World(lambda _: answers.pop(0))
    event, topics = world.event(), []
    while answers:
        (decision,) = world.handle(event)
        event = decision.envelope
        topics.append(decision.republish.topic)
    first, second = TOPICS.retry_tiers
    assert topics == [first] * 10 + [second] * 2 + [first] * 2


@pytest.mark.parametrize("told", ["x", "x.y", f"{'9' * 40}.{'9' * 40}", "."])
def test_a_word_of_somebody_else_in_the_header_ends_no_worker(told):
    world = World(lambda _: FULL)
    (first,) = world.handle(world.event())
    why = first.envelope.parked_for
    for text in (told, f"{why}.{told}", f"{why}.{'9' * 5000}", f"{why}.²"):
        (decision,) = world.handle(replace(first.envelope, parked_for=text))
        assert decision.republish.topic in TOPICS.retry_tiers


def test_who_waits_for_another_to_leave_an_address_says_how_often():
    said = []

    def held(bundle):
        said.append(bundle.waited)
        return NotSent(ADDRESS_HELD)

    world = World(held)
    event = world.event()
    for _ in range(4):
        (decision,) = world.handle(event)
        event = decision.envelope
    assert said == [0, 1, 2, 3]
    assert event.attempt == 0
