"""One order is in one pair of hands; the urgent go first, and nobody starves."""

from agents.worker.offset_ledger import HeldEvent
from agents.worker.ready_queue import LEAST_URGENT_EVERY, ReadyQueue
from schemas.event import Envelope, Kind
from schemas.priority import Priority


def held(key, priority=Priority.LIVE, offset=0):
    envelope = Envelope("e", "saved", Kind.ORDER, key, 0, value=b"")
    return HeldEvent(envelope, ("t", 0), offset, key.encode(), priority)


def filled(*events):
    queue = ReadyQueue()
    for event in events:
        queue.add(event)
    return queue


def test_all_that_waits_for_an_order_is_taken_together_and_in_order():
    first, other, second = held("a"), held("b"), held("a", offset=2)
    queue = filled(first, other, second)
    assert len(queue) == 2
    assert queue.take(1) == [first, second]
    assert queue.take(9) == [other]


def test_later_events_of_an_order_wait_until_all_of_the_earlier_are_over():
    first, second, later = held("a"), held("a"), held("a")
    queue = filled(first, second)
    queue.take(1)
    queue.add(later)
    queue.finish([second])
    assert len(queue) == 0
    queue.finish([first])
    assert queue.take(1) == [later]


def test_what_is_put_back_comes_again_before_what_came_later():
    first, second, third, later = (held("a", offset=n) for n in range(4))
    queue = filled(first, second, third)
    queue.take(1)
    queue.add(later)
    queue.put_back([second, third])
    assert len(queue) == 0, "the first is still in hand"
    queue.finish([first])
    assert queue.take(1) == [second, third, later]


def test_live_goes_before_replay_before_backfill():
    backfill, replay, live = held("a", Priority.BACKFILL), held("b", Priority.REPLAY), held("c")
    assert filled(backfill, replay, live).take(3) == [live, replay, backfill]


def test_a_live_event_makes_its_order_urgent():
    backfill, other = held("a", Priority.BACKFILL), held("b", Priority.BACKFILL)
    live = held("b")
    assert filled(backfill, other, live).take(1) == [other, live]


def test_the_least_urgent_are_not_starved_by_the_others():
    queue = filled(held("load", Priority.BACKFILL))
    takes = 0
    while True:
        takes += 1
        queue.add(held(f"live{takes}"))
        (taken,) = queue.take(1)
        if taken.priority is Priority.BACKFILL:
            break
    assert takes <= LEAST_URGENT_EVERY


def test_what_is_forgotten_is_neither_taken_nor_counted():
    first, second = held("a"), held("b")
    queue = filled(first, second)
    queue.forget([first])
    assert len(queue) == 1
    assert queue.take(9) == [second]
    again = held("a")
    queue.add(again)
    assert queue.take(9) == [again]


def test_an_operators_event_is_taken_when_earlier_ones_are_over_and_before_later_ones():
    before, order, after = held("a"), held("a"), held("a")
    order.is_alone = True
    queue = filled(before, order, after)
    for expected in (before, order, after):
        assert queue.take(9) == [expected]
        assert queue.take(9) == []
        queue.finish([expected])


def test_what_is_urgent_goes_alone_when_calls_are_plenty():
    backfill, live, other = held("a", Priority.BACKFILL), held("b"), held("c")
    queue = filled(backfill, live, other)
    assert queue.take(9, is_mixed=False) == [live, other]
    assert queue.take(9, is_mixed=False) == [backfill]
    assert queue.take(9, is_mixed=False) == []


def test_beside_one_that_is_over_the_less_urgent_are_taken_at_once():
    queue = filled(held("a"), backfill := held("b", Priority.BACKFILL))
    queue.forget(queue.waiting_for(b"a")[:])
    assert queue.take(1, is_mixed=False) == [backfill]
