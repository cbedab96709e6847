"""A process that slept past its session must not write."""

import pytest

from agents.worker.session_guard import SessionGuard
from stream.errors import FrozenError


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
