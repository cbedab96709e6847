"""Calls are sized by time and budget, by what the org's answers taught."""

import random

import pytest

from agents.delivery.call_size import CallSize, Means, Why, is_turn_of_lines, next_call
from agents.delivery.cost_model import CostModel

CREATE, UPDATE = ("Account", "create"), ("Opportunity", "upsert")


def taught(fixed, per_row, *, target=1.0, calls=400):
    chance, model = random.Random(7), CostModel(target_seconds=target)
    for _ in range(calls):
        orders = chance.randint(1, 60)
        rows = {UPDATE: orders, CREATE: chance.randint(0, orders)}
        rows = {kind: count for kind, count in rows.items() if count}
        model.observe(fixed + sum(per_row[k] * n for k, n in rows.items()), rows, orders)
    return model


@pytest.mark.parametrize("seconds", [0.003, 0.012, 0.028])
def test_the_fixed_part_and_the_rows_are_told_apart(seconds):
    model = taught(0.08, {CREATE: seconds, UPDATE: seconds})
    for orders in (1, 10, 50):
        expected = 0.08 + 2 * orders * seconds
        assert model.call_seconds({UPDATE: orders, CREATE: orders}) == pytest.approx(
            expected, rel=0.1
        )


def test_a_create_may_cost_more_than_an_update():
    model = taught(0.08, {CREATE: 0.040, UPDATE: 0.005})
    assert model.row_seconds[CREATE] == pytest.approx(0.040, rel=0.15)
    assert model.row_seconds[UPDATE] == pytest.approx(0.005, rel=0.3)


def test_a_call_fits_in_the_target_where_the_slots_can_afford_it():
    cheap = taught(0.08, {CREATE: 0.012, UPDATE: 0.012}, target=2.0)
    orders = cheap.orders_within_target()
    assert cheap.fixed_seconds + orders * cheap.order_seconds <= 2.0
    assert cheap.fixed_seconds + (orders + 1) * cheap.order_seconds > 2.0


def test_a_target_that_costs_too_many_slots_is_exceeded_but_not_by_more_than_double():
    model = taught(0.3, {CREATE: 0.012, UPDATE: 0.012}, target=0.5)
    seconds = model.fixed_seconds + model.orders_within_target() * model.order_seconds
    assert 0.5 < seconds <= 1.0


def test_the_model_follows_an_org_that_became_slower():
    model, chance = taught(0.08, {UPDATE: 0.003, CREATE: 0.003}), random.Random(7)
    before = model.orders_within_target()
    for _ in range(200):
        orders = chance.randint(1, 60)
        model.observe(0.08 + orders * 0.028, {UPDATE: orders}, orders)
    assert model.orders_within_target() < before
    assert model.call_seconds({UPDATE: 30}) == pytest.approx(0.08 + 30 * 0.028, rel=0.1)


def test_a_call_without_rows_or_orders_teaches_nothing():
    model = CostModel()
    model.observe(9.0, {}, 3)
    model.observe(9.0, {UPDATE: 3}, 0)
    assert model == CostModel(target_seconds=1.0)


def test_one_answer_moves_the_estimate_by_three_tenths_of_its_error():
    model = CostModel()
    assert model.call_seconds({UPDATE: 10}) == pytest.approx(0.12)
    model.observe(1.12, {UPDATE: 10}, 5)
    assert model.fixed_seconds == pytest.approx(0.34)
    assert model.row_seconds == {UPDATE: pytest.approx(0.008)}
    assert model.rows_per_order == {UPDATE: pytest.approx(0.1)}
    model.observe(0.36, {CREATE: 10}, 10)
    assert model.fixed_seconds == pytest.approx(0.34)
    assert model.row_seconds == {UPDATE: pytest.approx(0.008), CREATE: pytest.approx(0.002)}
    assert model.rows_per_order == {UPDATE: pytest.approx(0.095), CREATE: pytest.approx(0.05)}
    assert model.order_seconds == pytest.approx(0.00086)


def test_nothing_is_estimated_to_take_less_than_no_time():
    model = CostModel(fixed_seconds=0.01, row_seconds={UPDATE: 0.5})
    model.observe(0.0, {UPDATE: 1}, 1)
    assert (model.fixed_seconds, round(model.row_seconds[UPDATE], 6)) == (0.0, 0.499618)
    model = CostModel(fixed_seconds=1.0, row_seconds={UPDATE: 0.0})
    model.observe(0.0, {UPDATE: 20}, 1)
    assert (round(model.fixed_seconds, 6), model.row_seconds[UPDATE]) == (0.85, 0.0)


@pytest.mark.parametrize(
    ("fixed", "cheap", "within_target"),
    [
        (0.0625, 4, 120),  # what keeps to a second
        (0.125, 8, 192),  # twelve times the fixed part
        (0.25, 16, 224),  # not more than two seconds
        (0.0, 1, 128),
        (5.0, 320, 1),  # a call holds one, however long it takes
    ],
)
def test_how_many_orders_a_call_may_hold(fixed, cheap, within_target):
    model = CostModel(1.0, fixed, {UPDATE: 1 / 128}, {UPDATE: 1.0})
    assert (model.cheap_orders(), model.orders_within_target()) == (cheap, within_target)


@pytest.mark.parametrize("each", [0.0, 5e-324, 1e-310, 1e-20])
def test_an_order_that_costs_next_to_nothing_bounds_nothing(each):
    """Seen 14,000 calls after the last row that took time: the worker started no call any more."""
    model = CostModel(1.0, 0.1, {CREATE: 1.0, UPDATE: 0.0}, {CREATE: each, UPDATE: 1.0})
    assert (model.cheap_orders(), model.orders_within_target()) == (10**9, 10**9)


@pytest.mark.parametrize("fixed", [0.0, 0.1, 5.0])
def test_orders_that_cost_nothing_are_as_many_as_there_are_whatever_a_call_costs(fixed):
    model = CostModel(1.0, fixed, {UPDATE: 0.0}, {UPDATE: 1.0})
    assert (model.cheap_orders(), model.orders_within_target()) == (10**9, 10**9)


def test_orders_that_cost_hardly_anything_are_counted_as_long_as_they_can_be():
    model = CostModel(1.0, 0.125, {UPDATE: 2.0**-33}, {UPDATE: 1.0})
    assert model.cheap_orders() == 2**29


def test_rows_that_come_no_more_stop_nothing_however_long_ago_it_is():
    model = CostModel(1.0, 0.1, {CREATE: 0.01, UPDATE: 0.0}, {CREATE: 1.0, UPDATE: 1.0})
    for _ in range(20_000):
        model.observe(model.fixed_seconds, {UPDATE: 1}, 1)
        assert model.cheap_orders() >= 1
        assert model.orders_within_target() >= 1


def test_a_model_that_knows_no_order_yet_bounds_nothing():
    assert CostModel().cheap_orders() == CostModel().orders_within_target() == 10**9
    unknown = CostModel(rows_per_order={UPDATE: 1.0})
    assert unknown.order_seconds == pytest.approx(0.002)


def size(waiting, **how):
    known = {
        "slots": 5,
        "startable": 5,
        "is_scarce": False,
        "cheap": 2,
        "within_target": 40,
        "most": 200,
    }
    return next_call(waiting, Means(**known | how))


def test_few_orders_go_at_once_one_to_a_slot():
    assert size(1) == CallSize(1, Why.SLOT)
    assert size(5) == CallSize(1, Why.SLOT)
    assert size(6) == CallSize(2, Why.SLOT)


def test_the_last_free_slot_leaves_their_share_to_those_that_come_free_soon():
    assert size(40, startable=1) == CallSize(8, Why.SLOT)
    assert size(41, startable=1) == CallSize(9, Why.SLOT)


def test_where_rows_cost_next_to_nothing_it_takes_all():
    assert size(40, startable=1, cheap=10**9) == CallSize(40, Why.SLOT)


def test_a_backlog_goes_in_calls_of_the_target():
    assert size(1000) == CallSize(40, Why.TARGET)


def test_a_backlog_goes_in_full_calls_where_rows_cost_nothing():
    assert size(5000, within_target=10**9, cheap=10**9) == CallSize(200, Why.FULL)


def test_scarce_calls_take_all_that_waits():
    assert size(150, startable=1, is_scarce=True) == CallSize(150, Why.BUDGET)
    assert size(900, startable=1, is_scarce=True) == CallSize(200, Why.FULL)
    assert size(200, startable=1, is_scarce=True) == CallSize(200, Why.FULL)
    assert size(199, startable=1, is_scarce=True) == CallSize(199, Why.BUDGET)
    assert size(151, startable=2, is_scarce=True) == CallSize(76, Why.BUDGET)


def test_what_just_fits_goes_at_once():
    assert size(200) == CallSize(40, Why.SLOT)
    assert size(201) == CallSize(40, Why.TARGET)
    assert size(1001, within_target=200) == CallSize(200, Why.FULL)
    assert size(1000, within_target=200) == CallSize(200, Why.SLOT)
    assert size(1001, within_target=199) == CallSize(199, Why.TARGET)


def test_without_a_free_slot_a_call_takes_its_share_all_the_same():
    assert size(7, slots=0, startable=0, cheap=1) == CallSize(7, Why.SLOT)
    assert size(7, startable=0, is_scarce=True) == CallSize(7, Why.BUDGET)


def test_the_reasons_are_the_labels_of_a_metric():
    assert [why.value for why in Why] == ["slot", "target", "full", "budget"]


@pytest.mark.parametrize(
    ("in_lines", "ready", "fresh_calls", "expected"),
    [
        (0, 0, 9, False),
        (0, 5, 9, False),
        (3, 0, 0, True),  # nobody else waits
        (5, 5, 0, False),
        (5, 5, 1, True),  # as many: one by one
        (8, 20, 1, False),
        (8, 20, 2, True),
        (1, 1000, 3, False),
        (1, 1000, 4, True),  # however few, nobody waits for more than four calls
    ],
)
def test_who_waited_for_a_lock_goes_in_turn_and_seldom_while_few(
    in_lines, ready, fresh_calls, expected
):
    assert is_turn_of_lines(in_lines, ready, fresh_calls) is expected
