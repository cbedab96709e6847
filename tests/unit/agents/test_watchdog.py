"""The watchdog ends a stalled worker, and leaves a waiting one alone."""

from agents.pacing.stall_clock import Progress
from agents.worker.watchdog import GroupPosition, StallClock

TP = ("magento.orders", 0)


def look(committed, lag):
    return GroupPosition({TP: committed}, lag)


def test_lag_without_any_commit_for_the_limit_is_a_stall():
    stall = StallClock(60)
    assert not stall.is_stalled(look(5, 10), still_seconds=100, now=0)
    assert not stall.is_stalled(look(5, 12), still_seconds=159, now=59)
    assert stall.is_stalled(look(5, 12), still_seconds=160, now=60)


def test_a_quiet_night_is_no_stall_and_neither_is_the_first_event_after_it():
    stall = StallClock(60)
    assert not stall.is_stalled(look(5, 0), still_seconds=10_000, now=0)
    assert not stall.is_stalled(look(5, 1), still_seconds=10_050, now=50)
    assert not stall.is_stalled(look(6, 1), still_seconds=0, now=100)


def test_another_worker_that_commits_is_no_stall():
    stall = StallClock(60)
    for second in range(0, 600, 10):
        assert not stall.is_stalled(look(second, 1000), still_seconds=second, now=second)


def test_an_outage_of_the_broker_starts_the_watch_anew():
    stall = StallClock(60)
    stall.is_stalled(look(5, 10), still_seconds=100, now=0)
    assert not stall.is_stalled(None, still_seconds=170, now=70)
    assert not stall.is_stalled(look(5, 10), still_seconds=171, now=71)


def test_a_worker_that_moves_inside_a_long_batch_is_not_stalled():
    stall = StallClock(60)
    stall.is_stalled(look(5, 10), still_seconds=0, now=0)
    assert not stall.is_stalled(look(5, 10), still_seconds=3, now=500)


def test_waiting_on_purpose_is_not_standing_still():
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    now[0] = 1_000.0
    assert progress.still_seconds() == 1_000
    with progress.waiting("breaker open"):
        assert progress.still_seconds() == 0
        assert progress.reasons == ["breaker open"]
        now[0] = 2_000.0
    assert progress.still_seconds() == 0
    now[0] = 2_010.0
    assert progress.still_seconds() == 10
