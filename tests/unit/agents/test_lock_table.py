"""No two calls share a lock; who waits for one is not overtaken, and is not forgotten."""

import random
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from agents.delivery.lock_table import LockTable


@dataclass(eq=False)
class Write:
    name: str
    locks: tuple


def write(name, *locks):
    return Write(name, locks)


def make():
    return LockTable(lambda item: item.locks)


def test_a_second_call_waits_for_the_lock_and_the_same_call_does_not():
    table, one, two = make(), object(), object()
    first, beside, second = write("1", "acc"), write("2", "acc"), write("3", "acc")
    assert table.claim(first, one)
    assert table.claim(beside, one)
    assert not table.claim(second, two)
    table.release(first)
    assert not table.free_lines
    table.release(beside)
    assert table.claim_waiting(9, two) == [second]


def test_who_comes_later_does_not_overtake_the_line():
    table, one, two = make(), object(), object()
    first, second, third = write("1", "acc"), write("2", "acc"), write("3", "acc")
    table.claim(first, one)
    table.claim(second, two)
    table.release(first)
    assert not table.claim(third, two)
    assert table.claim_waiting(9, two) == [second, third]


def test_an_unrelated_write_goes_at_once():
    table = make()
    table.claim(write("1", "acc"), object())
    table.claim(write("2", "acc"), object())
    assert table.claim(write("3", "other"), object())


def test_a_write_with_two_locks_changes_lines():
    table, one, two, three = make(), object(), object(), object()
    first, second, both = write("1", "a"), write("2", "b"), write("3", "a", "b")
    table.claim(first, one)
    table.claim(second, two)
    table.claim(both, three)
    table.release(first)
    table.release(second)
    assert table.claim_waiting(9, three) == [both]


def test_a_line_whose_lock_was_taken_from_another_line_is_not_free():
    table, one, two, three = make(), object(), object(), object()
    first, second = write("1", "a"), write("2", "b")
    both, last = write("3", "a", "b"), write("4", "b")
    for item, owner in ((first, one), (second, two), (both, three), (last, three)):
        table.claim(item, owner)
    table.release(first)
    table.release(second)
    assert table.claim_waiting(1, one) == [both]
    assert table.claim_waiting(1, two) == []
    table.release(both)
    assert table.claim_waiting(2, two) == [last]
    assert not table.free_lines


def test_who_is_dropped_leaves_the_line():
    table, one, two = make(), object(), object()
    first, second = write("1", "acc"), write("2", "acc")
    table.claim(first, one)
    table.claim(second, two)
    table.forget(lambda item: item is second)
    table.release(first)
    assert not table.free_lines
    assert table.waiting == 0
    assert table.claim(write("3", "acc"), two)


@given(st.integers(0, 10**6))
def test_in_any_order_no_lock_is_in_two_calls_and_everything_goes_in_the_end(seed):
    chance, table, flying, gone = random.Random(seed), make(), {}, 0
    fresh = [write(str(n), *chance.sample("abcd", chance.randint(1, 3))) for n in range(20)]
    while fresh or flying or table.waiting:
        call, taken = object(), []
        step = chance.choice(["fresh", "waiting", "end"])
        if step == "fresh" and fresh:
            taken = [item for item in (fresh.pop(0),) if table.claim(item, call)]
        elif step == "waiting":
            taken = table.claim_waiting(chance.randint(1, 4), call)
        elif flying:
            for item in flying.pop(chance.choice(list(flying))):
                table.release(item)
                gone += 1
        if taken:
            flying[call] = taken
        held = [lock for items in flying.values() for lock in {x for i in items for x in i.locks}]
        assert len(held) == len(set(held))
        assert flying or fresh or not table.waiting or table.free_lines
    assert gone == 20
