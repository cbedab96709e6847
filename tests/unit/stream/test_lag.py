"""Burrow's rules, and the sums beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from rich.console import Console

from cli.commands.lag import exit_code, snapshot_json, view
from stream.lag.evaluator import (
    LagState,
    Sample,
    UnknownLag,
    group_lag,
    judge,
    partition_lag,
    rates,
    seconds_to_zero,
)
from stream.lag.exporter import export, forget
from stream.lag.snapshot import DeadLetterDepth, LagSnapshot, unknown_lags
from stream.ops import metrics

STEP_MS = 2_000


def window(positions: Sequence[int], ends: Sequence[int] | int) -> list[Sample]:
    if isinstance(ends, int):
        ends = [ends] * len(positions)
    pairs = enumerate(zip(positions, ends, strict=True))
    return [Sample(number * STEP_MS, position, end) for number, (position, end) in pairs]


@pytest.mark.parametrize(
    ("positions", "ends", "is_assigned", "state"),
    [
        pytest.param([10] * 10, 10, False, LagState.OK, id="nothing unread, nobody there"),
        pytest.param(
            [5], 10, False, LagState.STOP, id="unread and nobody there: one look is enough"
        ),
        pytest.param([5] * 10, 10, None, LagState.STOP, id="unread, unmoved, members unknown"),
        pytest.param([5] * 2, 10, None, LagState.OK, id="too short to say without members"),
        pytest.param([5] * 10, 10, True, LagState.STALL, id="a member that commits nothing"),
        pytest.param([5] * 3, 10, True, LagState.OK, id="too short for a stall"),
        pytest.param([5] * 10, [5] + [10] * 9, True, LagState.OK, id="was level in the window"),
        pytest.param([9, 9, 9, 4, 5, 6, 7], 20, True, LagState.REWIND, id="went back"),
        pytest.param([9, 4, 5, 6, 7, 9], 20, True, LagState.OK, id="went back and recovered"),
        pytest.param(
            list(range(10)),
            list(range(5, 24, 2)),
            True,
            LagState.WARN,
            id="moves, but falls behind",
        ),
        pytest.param(list(range(10)), 20, True, LagState.OK, id="catches up"),
        pytest.param(
            list(range(10)), list(range(5, 15)), True, LagState.WARN, id="moves, lag stays the same"
        ),
    ],
)
def test_the_state_follows_burrows_rules(positions, ends, is_assigned, state):
    assert judge(window(positions, ends), is_assigned=is_assigned) is state


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12),
    st.sampled_from([True, False, None]),
)
def test_every_window_has_a_state_and_no_lag_is_always_ok(pairs, is_assigned):
    samples = window([a for a, _ in pairs], [a + b for a, b in pairs])
    state = judge(samples, is_assigned=is_assigned)
    assert (state is LagState.OK) or samples[-1].lag > 0


def test_rates_and_time_to_zero():
    samples = window([0, 20, 40], [100, 110, 120])  # 4 s: 5/s in, 10/s out
    assert rates(samples) == (5.0, 10.0)
    assert seconds_to_zero(80, 5.0, 10.0) == 16.0
    assert seconds_to_zero(80, 10.0, 10.0) == math.inf
    assert seconds_to_zero(0, 10.0, 1.0) == 0.0
    assert rates(samples[:1]) == (0.0, 0.0)


def part(lag, *, partition=0, age_ms=60_000, retention_ms=3_600_000, log_start=0, committed=5):
    return partition_lag(
        [Sample(1_000_000, committed, committed + lag)],
        group="g",
        topic="t",
        partition=partition,
        log_start=log_start,
        committed=committed,
        oldest_unread_ms=1_000_000 - age_ms,
        retention_ms=retention_ms,
        is_assigned=True,
    )


def test_the_oldest_unread_event_gives_the_time_lag_and_the_headroom():
    read = part(3)
    assert (read.lag_seconds, read.headroom_seconds) == (60.0, 3540.0)
    assert part(3, age_ms=7_200_000).headroom_seconds == 0.0
    assert part(3, retention_ms=None).headroom_seconds is None
    assert (part(0).lag_seconds, part(0).headroom_seconds) == (0.0, None)


@pytest.mark.parametrize(
    ("due_at_ms", "is_assigned", "state", "late"),
    [
        pytest.param(3_600_000, True, LagState.OK, 0.0, id="not due: nobody is meant to move"),
        pytest.param(3_600_000, None, LagState.OK, 0.0, id="not due, members unknown"),
        pytest.param(3_600_000, False, LagState.STOP, 0.0, id="nobody is there to take it then"),
        pytest.param(17_000, True, LagState.OK, 1.0, id="due this moment"),
        pytest.param(2_000, True, LagState.STALL, 16.0, id="due and not forwarded"),
    ],
)
def test_a_retry_that_waits_for_its_time_is_no_stall(due_at_ms, is_assigned, state, late):
    """A page at night for every event that waits in the tiers of ten minutes and of an hour."""
    waits = partition_lag(
        window([5] * 10, 6),
        group="orderstream-relay",
        topic="salesforce.retry.1h",
        partition=0,
        log_start=0,
        committed=5,
        oldest_unread_ms=0,
        retention_ms=3_600_000,
        is_assigned=is_assigned,
        due_at_ms=due_at_ms,
    )
    assert (waits.lag, waits.state, waits.lag_seconds) == (1, state, late)
    assert waits.headroom_seconds == 3_582.0  # retention deletes by age, due or not
    assert (waits.seconds_to_zero == 3_582.0) is (late == 0)


def test_a_commit_below_the_logs_start_counts_what_was_deleted_unread():
    assert part(3, log_start=12, committed=5).deleted_unread == 7
    assert part(3, log_start=4, committed=5).deleted_unread == 0


def test_a_group_is_as_slow_as_its_slowest_partition_and_skew_says_so():
    even = group_lag("g", [part(10, partition=0), part(10, partition=1)])
    assert (even.lag, even.skew) == (20, 1.0)
    skewed = group_lag("g", [part(90, partition=0), part(10, partition=1), part(0, partition=2)])
    assert skewed.skew == pytest.approx(2.7)
    assert skewed.seconds_to_zero == math.inf
    assert group_lag("g", []).state is LagState.OK


def test_a_commit_beyond_the_end_is_a_rewind_and_all_of_the_log_unread():
    """Not lag 0: the log was cut or made again, and nobody has read what is in it."""
    sample = Sample(at_ms=0, position=150, end=100, log_start=40)
    assert sample.lag == 60
    for is_assigned in (True, False, None):
        assert judge([sample], is_assigned=is_assigned) is LagState.REWIND


def test_an_exporter_that_cannot_ask_shows_no_figure_of_the_past():
    metrics.KAFKA_LAG_SUM.labels("orderstream").set(0)
    metrics.LAG_UP.set(1)
    forget()
    shown = generate_latest().decode()
    assert "\nkafka_consumergroup_lag_sum{" not in shown
    assert "\norderstream_lag_up 0.0" in shown


OFFLINE = UnknownLag("g", "t", 1, "no leader")


def partly_known(lag, *, unknown=(OFFLINE,), letters=None):
    known = part(lag)
    group = group_lag("g", [known], unknown=len(unknown))
    return LagSnapshot(
        at_ms=1_000_000,
        partitions=(known,),
        groups=(group,),
        tiers=(),
        dead_letters=letters or DeadLetterDepth(0, None),
        unknown=unknown,
    )


def test_of_a_partition_that_does_not_answer_nothing_is_known_but_the_reason():
    commits = {"g": {("t", 0): 5}, "h": "no offsets of group h: no coordinator"}
    found = unknown_lags(
        {"g": ("t",), "h": ("t", "u")}, {("t", 0), ("u", 0)}, {("t", 1): "no leader"}, commits
    )
    assert found == (
        OFFLINE,
        UnknownLag("h", "t", 0, "no offsets of group h: no coordinator"),
        UnknownLag("h", "t", 1, "no leader"),
        UnknownLag("h", "u", 0, "no offsets of group h: no coordinator"),
    )


@pytest.mark.parametrize(
    ("snapshot", "state", "code"),
    [
        pytest.param(partly_known(0, unknown=()), LagState.OK, 0, id="all answer"),
        pytest.param(partly_known(0), LagState.UNKNOWN, 3, id="the rest is read"),
        pytest.param(
            partly_known(0, unknown=(), letters="no leader: dlq-0"), LagState.OK, 3, id="letters"
        ),
    ],
)
def test_what_is_not_known_is_neither_fine_nor_bad(snapshot, state, code):
    assert snapshot.groups[0].state is state
    assert exit_code(snapshot) == code
    assert snapshot_json(snapshot)["ok"] is (code == 0)


def test_what_is_bad_stays_bad_beside_what_is_not_known():
    stopped = replace(part(3), state=LagState.STOP)
    snapshot = replace(partly_known(3), partitions=(stopped,))
    assert exit_code(snapshot) == 1
    assert group_lag("g", [stopped], unknown=1).state is LagState.STOP


def test_no_sum_is_told_of_which_a_term_is_missing():
    told = snapshot_json(partly_known(3))
    assert (told["groups"][0]["lag"], told["groups"][0]["unknown"]) == (None, 1)
    assert told["partitions"][0]["lag"] == 3
    assert told["problems"] == ["g: no leader: t-1"]
    with (console := Console(width=200)).capture() as shown:
        console.print(view(partly_known(3)))
    assert "≥ 3" in shown.get()
    assert "t/1" in shown.get()
    assert "not known: g: no leader: t-1" in shown.get()


def test_a_metric_that_is_not_known_is_absent():
    export(partly_known(0, unknown=()), dead_letter_topic="dlq")
    assert "\nkafka_consumergroup_lag_sum{" in generate_latest().decode()
    export(partly_known(0, letters="no leader: dlq-0"), dead_letter_topic="dlq")
    shown = generate_latest().decode()
    labels = 'consumergroup="g",partition="1"'
    assert f'\norderstream_lag_state{{{labels},state="UNKNOWN",topic="t"}} 1.0' in shown
    assert f"\nkafka_consumergroup_lag{{{labels}" not in shown
    assert '\nkafka_consumergroup_lag{consumergroup="g",partition="0",topic="t"} 0.0' in shown
    for name in ("kafka_consumergroup_lag_sum", "orderstream_lag_max_seconds"):
        assert f"\n{name}{{" not in shown
    assert "\norderstream_dead_letters_open{" not in shown
    forget()
