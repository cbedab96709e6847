"""A process that slept past its session must not write."""

import pytest

from agents.worker.session_guard import Fence, Membership, SessionGuard
from stream.errors import FencedError, FrozenError


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_running_process_may_write():
    clock = Clock()
    guard = SessionGuard(limit_seconds=6, clock=clock)
    for _ in range(100):
        clock.now += 0.5
        guard.tick()
    guard.check()


def test_a_gap_longer_than_the_session_is_noticed_at_the_check():
    clock = Clock()
    guard = SessionGuard(limit_seconds=6, clock=clock)
    clock.now += 6.1
    with pytest.raises(FrozenError, match=r"frozen for 6\.1 s"):
        guard.check()


def test_a_gap_stays_noticed_when_the_ticker_wakes_up_first():
    clock = Clock()
    guard = SessionGuard(limit_seconds=6, clock=clock)
    clock.now += 7
    guard.tick()
    clock.now += 0.1
    with pytest.raises(FrozenError):
        guard.check()


def fence(clock, membership):
    guard = SessionGuard(limit_seconds=1000, clock=clock)
    return Fence(guard, lambda: membership, silence_seconds=6, clock=clock)


def test_a_member_of_the_generation_that_it_holds_may_write():
    clock = Clock()
    held = fence(clock, Membership(held=5, known=5, heard_at=clock.now - 5.9))
    held.check_certain()
    assert held.generation == 5


@pytest.mark.parametrize("known", [-1, 6])
def test_who_is_expelled_or_has_moved_on_may_not_finish_what_it_holds(known):
    clock = Clock()
    with pytest.raises(FencedError, match="gone on from generation 5"):
        fence(clock, Membership(held=5, known=known, heard_at=clock.now)).check()


def test_who_is_not_confirmed_begins_no_call_but_may_wait_to_publish():
    clock = Clock()
    silent = fence(clock, Membership(held=5, known=5, heard_at=clock.now - 6))
    silent.check()
    assert not silent.is_certain
    with pytest.raises(FencedError, match="confirmed nothing for 6 s"):
        silent.check_certain()


def test_before_the_first_join_there_is_nothing_to_lose():
    unborn = fence(Clock(), None)
    unborn.check_certain()
    assert unborn.generation == 0
