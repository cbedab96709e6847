"""A bug that one event brings out before anything is written ends no worker."""

import asyncio

import pytest
from support.handler_world import World

from agents.handling import handler as handler_module
from agents.handling.state_store import StateStore
from stream.errors import FrozenError


@pytest.fixture
def broken(monkeypatch):
    """Break what is done for the batch as a whole, wherever this total is in it."""
    whole = handler_module.newest_of

    def newest_or_break(items, *more):
        if any(item.document.entity["grand_total"] == 666 for item in items):
            raise ZeroDivisionError
        return whole(items, *more)

    monkeypatch.setattr(handler_module, "newest_of", newest_or_break)


@pytest.mark.usefixtures("broken")
def test_it_is_a_dead_letter_and_the_other_orders_are_written():
    world = World()
    events = [world.event(number=str(n), total=666 if n == 3 else n) for n in range(1, 7)]
    assert world.outcomes(*events) == ["synced"] * 2 + ["dead"] + ["synced"] * 3


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_other_saves_of_its_order_are_taken_again_behind_it(place):
    world = World()
    waiting = [world.event(second=n, total=666 if n == place else n) for n in range(3)]
    ended = {}
    for _ in range(3):
        prepared = asyncio.run(world.handler.prepare(waiting))
        written = asyncio.run(world.handler.write(prepared.intents))
        ended |= {d.result.event_id: d.result.outcome.value for d in prepared.decisions + written}
        waiting = prepared.later
    assert not waiting
    assert [ended[f"e{n}"] for n in range(1, 4)].count("dead") == 1
    assert ended[f"e{place + 1}"] == "dead"


def test_a_partition_whose_state_is_not_known_ends_the_process_and_no_event():
    world = World()
    world.handler.get_state = StateStore(topic="salesforce.state", connection={}).get
    with pytest.raises(FrozenError):
        asyncio.run(world.handler.prepare([world.event()]))
