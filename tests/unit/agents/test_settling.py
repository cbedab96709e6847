"""Debounce: three saves in two seconds are one write, and no order waits for ever."""

from dataclasses import replace

import orjson
from support.handler_world import World

from agents.handling.debounce import Debounce
from agents.handling.version_guard import Candidate

KEY = (b"order:1", frozenset())


def version(number):
    time = f"2026-01-01 00:00:{number:02d}"
    return Candidate(time, digest=time, rank=1, topic="magento.orders", offset=number)


def test_an_event_gives_way_to_a_newer_one_that_is_parked_behind_it():
    settling = Debounce(max_ms=10_000)
    settling.park(KEY, version(1), now_ms=0)
    settling.park(KEY, version(2), now_ms=1_000)
    assert settling.overtaken_by(KEY, version(1), now_ms=2_000)
    assert not settling.overtaken_by(KEY, version(2), now_ms=3_000)


def test_after_the_newest_came_back_nothing_is_remembered():
    settling = Debounce(max_ms=10_000)
    settling.park(KEY, version(2), now_ms=0)
    assert not settling.overtaken_by(KEY, version(2), now_ms=2_000)
    assert not settling.overtaken_by(KEY, version(1), now_ms=2_001)


def test_an_order_that_never_settles_is_written_at_the_maximum():
    settling = Debounce(max_ms=5_000)
    for second in range(20):
        settling.park(KEY, version(second), now_ms=second * 1_000)
    assert settling.overtaken_by(KEY, version(3), now_ms=4_999)
    assert not settling.overtaken_by(KEY, version(4), now_ms=5_000)
    assert settling.overtaken_by(KEY, version(5), now_ms=6_000), "the wait starts anew"


def test_an_unknown_order_is_written():
    assert not Debounce(max_ms=5_000).overtaken_by(KEY, version(1), now_ms=0)


def as_whole(event):
    """The event with all that a whole order has."""
    body = orjson.loads(event.value)
    body["order"] |= {
        "items": [{"item_id": 1, "sku": "CUP", "qty_ordered": 1}],
        "customer_email": "a@b.c",
        "created_at": "2026-03-14 18:00:00",
        "billing_address": {},
    }
    return replace(event, value=orjson.dumps(body))


def test_a_settling_save_without_a_date_lets_no_dated_one_go():
    """Over a dated state it may itself be held back: then the order would stay as it was."""
    world = World(debounce_ms=2_000, settling=Debounce(max_ms=10_000))
    first, dated, undated = (as_whole(world.event(second=n, total=n)) for n in (1, 2, 3))
    body = orjson.loads(undated.value)
    del body["order"]["updated_at"]
    undated = replace(undated, value=orjson.dumps(body))
    assert world.outcomes(replace(first, attempt=1)) == ["synced"]
    world.handle(dated, undated)
    world.now += 2_000
    back = [replace(event, not_before_ms=world.now) for event in (dated, undated)]
    assert [world.outcomes(event) for event in back] == [["synced"], ["superseded"]]


def test_a_settling_save_of_the_same_second_takes_no_order_back():
    world = World(debounce_ms=2_000, settling=Debounce(max_ms=10_000))
    complete = as_whole(world.event(state="complete", total=1))
    world.handle(complete, processing := as_whole(world.event(state="processing", total=2)))
    world.now += 2_000
    back = [replace(event, not_before_ms=world.now) for event in (complete, processing)]
    assert [world.outcomes(event) for event in back] == [["synced"], ["superseded"]]


def test_nothing_gives_way_to_what_never_came_back_here():
    """It ended elsewhere after a handover, or as a dead letter before it was asked for."""
    settling = Debounce(max_ms=5_000)
    settling.park(KEY, version(9), now_ms=0)
    replayed = [settling.overtaken_by(KEY, version(n), now_ms=60_000 + n) for n in (1, 2)]
    assert replayed == [None, None]
