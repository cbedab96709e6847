"""The queue's turns, and what it knows of each key."""

from __future__ import annotations

from agents.worker.offset_ledger import HeldEvent
from agents.worker.ready_queue import ReadyQueue
from schemas.event import Envelope, Kind
from schemas.priority import Priority


def held(key: str, priority: Priority = Priority.LIVE) -> HeldEvent:
    envelope = Envelope("e", "saved", Kind.ORDER, key, 0, value=b"")
    return HeldEvent(envelope, ("t", 0), 0, key.encode(), priority)


def filled(*events: HeldEvent) -> ReadyQueue:
    queue = ReadyQueue()
    for event in events:
        queue.add(event)
    return queue


def test_every_fifth_take_begins_with_the_least_urgent() -> None:
    load = [held(f"load{n}", Priority.BACKFILL) for n in range(3)]
    queue = filled(*load, *(held(f"live{n}") for n in range(12)))
    turns = [queue.take(1)[0].priority is Priority.BACKFILL for _ in range(11)]
    assert [number for number, is_load in enumerate(turns, 1) if is_load] == [5, 10]


def test_no_more_keys_are_taken_than_were_asked_for() -> None:
    queue = filled(*(held(key) for key in "abc"))
    assert queue.take(0) == []
    assert len(queue.take(2)) == 2
    assert len(queue) == 1


def test_an_order_in_two_lines_is_taken_once() -> None:
    first, live = held("a", Priority.BACKFILL), held("a")
    queue = filled(first, live)
    assert len(queue) == 1
    assert queue.take(9) == [first, live]
    queue.finish([first, live])
    assert (len(queue), queue.take(9)) == (0, [])


def test_a_less_urgent_event_makes_its_order_no_less_urgent() -> None:
    live, load, other = held("a"), held("a", Priority.BACKFILL), held("b", Priority.REPLAY)
    assert filled(other, live, load).take(1) == [live, load]


def test_what_came_meanwhile_lines_up_by_its_most_urgent() -> None:
    first, other = held("a"), held("b", Priority.REPLAY)
    load, live = held("a", Priority.BACKFILL), held("a")
    queue = filled(first)
    queue.take(1)
    for event in (other, load, live):
        queue.add(event)
    assert len(queue) == 1
    queue.finish([first])
    assert queue.take(1) == [load, live]


def test_forgetting_one_event_of_an_order_leaves_the_others() -> None:
    first, second = held("a"), held("a")
    queue = filled(first, second)
    queue.forget([first])
    assert not queue.is_waiting(first)
    assert queue.is_waiting(second)
    assert len(queue) == 1
    assert queue.take(1) == [second]
    assert not queue.is_waiting(second)


def test_forgetting_what_waits_for_an_order_in_hand_leaves_nothing_for_later() -> None:
    first, later = held("a"), held("a")
    queue = filled(first)
    queue.take(1)
    queue.add(later)
    queue.forget([later])
    queue.finish([first])
    assert (len(queue), queue.take(9)) == (0, [])


def test_an_operators_event_that_stands_first_is_taken_alone() -> None:
    alone, after, last = held("a"), held("a"), held("a")
    alone.is_alone = True
    queue = filled(alone, after, last)
    assert queue.take(9) == [alone]
    queue.finish([alone])
    assert queue.take(9) == [after, last]


def test_all_that_are_over_are_noted_though_one_of_an_order_is_left() -> None:
    first, second, other = held("a"), held("a"), held("b")
    queue = filled(first, second, other)
    queue.take(2)
    later = held("b")
    queue.add(later)
    queue.finish([first, other])
    assert queue.take(9) == [later]


def test_one_of_three_that_is_put_back_waits_for_the_other_two() -> None:
    events = [held("a") for _ in range(3)]
    queue = filled(*events)
    queue.take(1)
    queue.put_back(events[2:])
    queue.finish([events[0]])
    assert queue.take(9) == []
    queue.finish([events[1]])
    assert queue.take(9) == [events[2]]


def test_those_that_are_live_are_counted_apart() -> None:
    queue = filled(held("load", Priority.BACKFILL), held("again", Priority.REPLAY))
    assert (len(queue), queue.live) == (2, 0)
    for key in "ab":
        queue.add(held(key))
    assert (len(queue), queue.live) == (4, 2)
    queue.take(1)
    assert (len(queue), queue.live) == (3, 1)
