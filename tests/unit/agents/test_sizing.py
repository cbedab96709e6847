"""What `orderstream size` says: enough for the load, no more than the budget, and why if it cannot."""

from dataclasses import replace
from math import isinf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.pacing.sizing import (
    LEAST_IN_HAND,
    ORDERS_PER_CALL,
    Load,
    Org,
    bound,
    calls_per_second,
    most_in_hand,
    percentile,
    sizing_of,
)

SHOP = Load(orders_per_hour=20_000, orders_per_day=120_000)


def test_the_latency_is_that_of_the_ideal_sender_up_to_the_target():
    found = sizing_of(SHOP)
    org = Org(found.slots, found.calls_per_second, 0.012, 0.08)
    ideal = bound(org, [n / SHOP.per_second for n in range(666)], [3] * 666)
    assert found.p50_from == pytest.approx(percentile(ideal, 0.5))
    assert found.p99_from == pytest.approx(percentile(ideal, 0.99))
    assert found.p50_to == pytest.approx(1.5 * found.p50_from + 0.05)


def test_the_days_calls_are_spent_in_the_hours_that_the_orders_take():
    assert calls_per_second(replace(SHOP, daily_calls=21_600)) == pytest.approx(1.0)


def test_slow_rows_need_more_slots_and_the_hint_names_the_setting():
    found = sizing_of(replace(SHOP, row_seconds=0.5))
    assert found.slots > SHOP.slots
    assert "SALESFORCE_CONCURRENCY" in found.hints[0]


def test_too_few_calls_are_said_and_no_latency_is_made_up():
    found = sizing_of(replace(SHOP, daily_calls=100))
    assert isinf(found.p50_from)
    assert "calls pay for" in found.hints[-1]


@settings(max_examples=40)
@given(
    st.builds(
        Load,
        orders_per_hour=st.floats(1, 500_000),
        orders_per_day=st.floats(500_000, 2_000_000),
        rows_per_order=st.integers(1, 60),
        row_seconds=st.floats(0, 0.2),
        daily_calls=st.floats(1, 5_000_000),
        slots=st.integers(1, 50),
    )
)
def test_what_is_said_carries_the_load(load):
    found = sizing_of(load)
    busy = load.per_second * load.rows_per_order * load.row_seconds
    assert busy <= found.slots
    assert load.per_second * load.cpu_seconds_per_order <= found.workers
    assert found.partitions >= found.workers
    if not isinf(found.p50_from):
        assert found.orders_per_call <= ORDERS_PER_CALL
        assert load.call_seconds - 1e-6 <= found.p50_from <= found.p50_to
        assert found.p50_from <= found.p99_from <= found.p99_to


def test_a_worker_holds_twice_what_its_calls_do():
    assert most_in_hand(1) == most_in_hand(5) == LEAST_IN_HAND
    assert most_in_hand(25) == 2 * 25 * ORDERS_PER_CALL
