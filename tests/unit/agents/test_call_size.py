"""Calls are sized by time and budget, by what the org's answers taught."""

import random

import pytest

from agents.delivery.call_size import CallSize, Means, Why, next_call
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
    assert model == CostModel()


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


def test_where_rows_cost_next_to_nothing_it_takes_all():
    assert size(40, startable=1, cheap=10**9) == CallSize(40, Why.SLOT)


def test_a_backlog_goes_in_calls_of_the_target():
    assert size(1000) == CallSize(40, Why.TARGET)


def test_a_backlog_goes_in_full_calls_where_rows_cost_nothing():
    assert size(5000, within_target=10**9, cheap=10**9) == CallSize(200, Why.FULL)


def test_scarce_calls_take_all_that_waits():
    assert size(150, startable=1, is_scarce=True) == CallSize(150, Why.BUDGET)
    assert size(900, startable=1, is_scarce=True) == CallSize(200, Why.FULL)
