from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.pacing.daily_quota import DAY_SECONDS, DailyQuota, duration, usage_of_limits
from agents.salesforce.http.usage import Usage
from schemas.priority import Priority

LIVE, REPLAY, BACKFILL = Priority.LIVE, Priority.REPLAY, Priority.BACKFILL


def seen(used: int, limit: int = 1000, *, share: float = 0.8) -> DailyQuota:
    budget = DailyQuota(share=share)
    budget.observe(Usage(used, limit), now=0)
    return budget


def test_nothing_is_withheld_before_salesforce_has_said_anything():
    budget = DailyQuota(share=0.5)
    budget.spend(0, 10_000)
    assert budget.pause(BACKFILL, 0) is None
    assert budget.gap_seconds(0) == 0


def test_calls_made_before_the_start_are_taken_for_ours():
    assert seen(300).left(0) == 500


def test_what_others_use_within_their_part_costs_us_nothing():
    budget = seen(0)
    budget.observe(Usage(150, 1000), now=10)
    assert budget.left(10) == 800


def test_what_others_use_beyond_their_part_is_taken_from_ours():
    budget = seen(0)
    budget.observe(Usage(700, 1000), now=10)
    assert budget.left(10) == 300


def test_every_worker_counts_for_the_fleet():
    budget = seen(0)
    budget.fleet = 4
    budget.spend(0, 10)
    assert budget.left(0) == 760


def test_an_app_limit_binds_too():
    budget = DailyQuota(share=0.8)
    budget.observe(Usage(10, 1000, app_used=95, app_limit=100), now=0)
    assert budget.left(0) == 5


@pytest.mark.parametrize(
    ("used", "waiting"),
    [
        (500, set()),
        (600, {BACKFILL}),
        (720, {BACKFILL, REPLAY}),
        (799, {BACKFILL, REPLAY}),
        (800, {BACKFILL, REPLAY, LIVE}),
        (1000, {BACKFILL, REPLAY, LIVE}),
    ],
)
def test_backfill_waits_first_then_replays_then_all(used, waiting):
    budget = seen(used)
    assert {p for p in Priority if budget.pause(p, 0)} == waiting


def test_a_pause_says_why_and_for_how_long():
    budget = DailyQuota(share=0.8)
    budget.observe(Usage(0, 100), now=0)
    budget.spend(3600, 80)
    pause = budget.pause(LIVE, 7200)
    assert pause is not None
    assert "0% of our share of 100 calls is left" in pause.reason
    assert "in about 23 h 5 min" in pause.reason


def test_calls_become_free_after_a_day():
    budget = DailyQuota(share=0.8)
    budget.observe(Usage(0, 100), now=0)
    budget.spend(0, 80)
    assert budget.pause(LIVE, DAY_SECONDS - 1)
    budget.observe(Usage(0, 100), now=DAY_SECONDS)
    assert budget.pause(LIVE, DAY_SECONDS + 600) is None


def test_calls_are_spread_out_as_the_budget_shrinks():
    gaps = [seen(used).gap_seconds(0) for used in (0, 400, 600, 700, 780, 800)]
    assert gaps[:2] == [0, 0]
    assert gaps == sorted(gaps)
    assert gaps[-1] == 10


def test_steady_traffic_settles_while_some_of_the_budget_is_left():
    """There calls come back as fast as the pace lets them be spent."""
    calls_a_day = 86_400 / seen(64_000, limit=100_000).gap_seconds(0)
    assert calls_a_day == pytest.approx(64_000)


def test_an_outdated_count_of_the_org_can_be_distrusted_but_our_own_holds():
    budget = seen(0)
    budget.spend(0, 100)
    budget.observe(Usage(1000, 1000), now=1)
    assert budget.is_outdated(1 + 900)
    assert not budget.is_outdated(1 + 899)
    budget.distrust_org()
    assert budget.left(1) == 700


def test_the_limits_call_is_read_and_anything_odd_is_nothing():
    body = {"DailyApiRequests": {"Max": 15000, "Remaining": 14998}}
    assert usage_of_limits(body) == Usage(2, 15000)
    assert usage_of_limits({}) is None
    assert usage_of_limits({"DailyApiRequests": {"Max": "x"}}) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(12, "12 s"), (240, "4 min"), (3600, "1 h 0 min"), (12000, "3 h 20 min")]
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text


@settings(deadline=None)
@given(
    share=st.floats(0.05, 1.0),
    limit=st.integers(10, 400),
    already=st.integers(0, 400),
    gaps=st.lists(st.floats(0, 9000), min_size=1, max_size=200),
)
def test_our_calls_of_any_day_never_exceed_our_share(share, limit, already, gaps):
    """An org that counts exactly, and nobody else in it: we stop before our share is used up."""
    budget = DailyQuota(share=share)
    made: list[float] = [0.0] * min(already, limit)
    budget.observe(Usage(len(made), limit), 0.0)
    now = 0.0
    for gap in gaps:
        now += gap
        if budget.pause(LIVE, now) is None:
            made.append(now)
            budget.spend(now)
            used = sum(1 for at in made if at > now - DAY_SECONDS)
            assert used <= max(share * limit, 1)
            budget.observe(Usage(used, limit), now)
