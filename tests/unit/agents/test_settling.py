"""Debounce: three saves in two seconds are one write, and no order waits for ever."""

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
