from __future__ import annotations

import dataclasses
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_org import account, contact, opportunity

from agents.delivery import call_planner
from agents.delivery.call_planner import (
    PORTION_CALLS,
    CallPlan,
    _load_of,
    lock_groups,
    plan_calls,
)
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.row_state import method_of
from agents.delivery.row_tracker import RowTracker
from agents.delivery.types import WriteSet
from agents.salesforce.api import collection_builder
from agents.salesforce.api.collection_builder import (
    API_LIMITS,
    CollectionLimits,
    RowWrite,
    draft_calls,
    weight_of,
)
from schemas.priority import Priority


def order(number: int, customer: int | None = None, **more) -> WriteSet:
    who = f"c{number if customer is None else customer}"
    rows = (account(who), contact(f"p{who}", who), opportunity(f"o{number}", who))
    return WriteSet(f"o{number}", rows, lock_key=who, **more)


def plan(bundles: list[WriteSet], limits: CollectionLimits = API_LIMITS) -> list[CallPlan]:
    """All portions as one list, with `after` counted from its start."""
    known = ExistenceCache()
    plans: list[CallPlan] = []
    for portion in plan_calls(bundles, lambda row: method_of(row, known), limits):
        start = len(plans)
        plans += [CallPlan(p.members, tuple(start + n for n in p.after)) for p in portion]
    return plans


def calls_of(bundles: list[WriteSet]) -> list[list]:
    known = ExistenceCache()
    calls = []
    for call in plan(bundles):
        writes = [RowTracker(bundles[member]) for member in call.members]
        steps = [step for place, w in enumerate(writes) for step in w.steps(place, known)]
        calls += draft_calls(steps, API_LIMITS)
    return calls


def test_many_orders_are_planned_in_portions_whose_calls_are_full():
    known = ExistenceCache()
    bundles = [order(n, n // 2) for n in range(9000)]
    portions = list(plan_calls(bundles, lambda row: method_of(row, known)))
    assert len(portions) > 1
    assert sum(len(plans) for plans in portions) == 45
    members = [m for plans in portions for call in plans for m in call.members]
    assert sorted(members) == list(range(9000))


def test_a_portion_is_ten_full_calls_and_the_urgent_are_in_the_first():
    bundles = [order(n, priority=Priority.BACKFILL) for n in range(20)] + [order(20)]
    one_each = dataclasses.replace(API_LIMITS, bundles=1)
    known = ExistenceCache()
    portions = list(plan_calls(bundles, lambda row: method_of(row, known), one_each))
    members = [[call.members[0] for call in plans] for plans in portions]
    assert members == [[20, *range(9)], [*range(9, 19)], [19]]


def test_calls_that_fill_a_portion_leave_no_empty_one():
    one_each = dataclasses.replace(API_LIMITS, bundles=1)
    bundles = [order(n) for n in range(PORTION_CALLS)]
    (portion,) = plan_calls(bundles, lambda row: method_of(row, ExistenceCache()), one_each)
    assert len(portion) == PORTION_CALLS


def test_a_shared_call_waits_for_all_that_its_bundles_wait_for():
    bundles = [order(n, customer=n // 6) for n in range(12)] + [order(12)]
    plans = plan(bundles, dataclasses.replace(API_LIMITS, bundles=5))
    assert [call.members for call in plans] == [
        (0, 1, 2, 3, 4), (6, 7, 8, 9, 10), (5, 11, 12)
    ]  # fmt: skip
    assert [call.after for call in plans] == [(), (), (0, 1)]


def test_the_largest_groups_are_packed_first():
    bundles = [order(n, customer) for n, customer in enumerate((1, 2, 3, 3, 3, 4, 4, 4))]
    plans = plan(bundles, dataclasses.replace(API_LIMITS, bundles=4))
    assert [set(call.members) for call in plans] == [{2, 3, 4, 0}, {5, 6, 7, 1}]


def test_a_thousand_orders_with_three_records_each_take_five_calls():
    calls = calls_of([order(n) for n in range(1000)])
    assert len(calls) == 5
    assert [d.collection.sobject for d in calls[0]] == ["Account", "Contact", "Opportunity"]
    assert {len(d.collection.rows) for call in calls for d in call} == {200}


def test_a_thousand_orders_of_every_second_customer_still_take_five_calls():
    assert len(calls_of([order(n, n // 2) for n in range(1000)])) == 5


def test_a_trickle_of_one_order_is_one_call():
    assert len(calls_of([order(1)])) == 1


def test_orders_of_one_customer_stay_in_one_call():
    plans = plan([order(n, customer=n % 3) for n in range(300)])
    for call in plans:
        others = [c for c in plans if c is not call]
        mine = {member % 3 for member in call.members}
        assert not any(mine & {m % 3 for m in other.members} for other in others)


def test_a_customer_with_more_orders_than_a_call_holds_goes_one_call_after_the_other():
    plans = plan([order(n, customer=7) for n in range(450)])
    assert [len(call.members) for call in plans] == [200, 200, 50]
    assert [call.after for call in plans] == [(), (0,), (1,)]


def test_the_rest_of_a_large_group_shares_its_call_with_others():
    bundles = [order(n, customer=7) for n in range(250)] + [order(n) for n in range(1000, 1150)]
    plans = plan(bundles)
    assert sorted(len(call.members) for call in plans) == [200, 200]


def test_bundles_that_share_a_record_but_no_lock_key_are_one_group():
    same = [dataclasses.replace(order(n, 1), lock_key="") for n in range(3)]
    assert lock_groups(same) == [[0, 1, 2]]


def test_bundles_of_one_customer_under_two_addresses_are_one_group():
    """Side by side, each found the record under the first address, and gave it its own."""
    old, new, other = (
        WriteSet(mail, (dataclasses.replace(account(mail), customer_id=number),), lock_key=mail)
        for mail, number in (("old@x.y", "7"), ("new@x.y", "7"), ("else@x.y", "8"))
    )
    assert lock_groups([old, other, new]) == [[0, 2], [1]]


def test_lock_keys_and_identities_ignore_case_as_salesforce_does():
    bundles = [WriteSet("a", (), lock_key="Jane@x.y"), WriteSet("b", (), lock_key="jane@X.Y")]
    assert lock_groups(bundles) == [[0, 1]]


def test_live_bundles_fill_the_first_calls():
    bundles = [order(n, priority=Priority.BACKFILL) for n in range(200)]
    bundles += [order(n) for n in range(200, 300)]
    first = plan(bundles)[0]
    assert set(range(200, 300)) <= set(first.members)


def test_orders_with_many_lines_fill_the_five_collections_of_a_call():
    def with_lines(number: int) -> WriteSet:
        lines = tuple(
            dataclasses.replace(opportunity(f"l{number}-{i}"), sobject="OpportunityLineItem")
            for i in range(3)
        )
        return dataclasses.replace(order(number), rows=order(number).rows + lines)

    calls = calls_of([with_lines(n) for n in range(1000)])
    assert len(calls) <= 10
    assert all(len(call) <= 5 for call in calls)


def test_an_order_with_more_lines_than_a_collection_holds_is_cut_and_complete():
    lines = tuple(
        dataclasses.replace(opportunity(f"l{i}"), sobject="OpportunityLineItem")
        for i in range(1300)
    )
    calls = calls_of([WriteSet("big", (opportunity("o1"), *lines))])
    sent = [row.external_id for call in calls for d in call for row in d.collection.rows]
    assert sorted(sent) == sorted(["o1", *(f"l{i}" for i in range(1300))])
    assert all(len(call) <= 5 for call in calls)
    assert calls[0][0].collection.sobject == "Opportunity"


def test_no_call_is_heavier_than_the_byte_limit():
    limits = dataclasses.replace(API_LIMITS, bytes=10_000)
    bundles = [WriteSet(f"o{n}", (opportunity(f"o{n}", Text="x" * 1000),)) for n in range(30)]
    plans = plan(bundles, limits)
    assert max(len(call.members) for call in plans) <= 9
    assert sorted(m for call in plans for m in call.members) == list(range(30))


def test_what_need_not_be_sent_weighs_nothing_and_the_rest_weighs_together():
    bundle = order(1)
    first, second, known = bundle.rows
    load = _load_of(bundle, lambda row: None if row is known else "upsert")
    assert load.bytes == weight_of(first) + weight_of(second)
    assert sum(load.rows.values()) == 2


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(list(Priority))), max_size=60),
    st.integers(1, 7),
)
def test_every_bundle_is_planned_once_and_neighbours_in_a_lock_never_fly_together(picks, most):
    bundles = [order(n, customer, priority=p) for n, (customer, p) in enumerate(picks)]
    plans = plan(bundles, dataclasses.replace(API_LIMITS, bundles=most))
    assert sorted(m for call in plans for m in call.members) == list(range(len(bundles)))
    before: list[set[int]] = []
    for position, call in enumerate(plans):
        assert len(call.members) <= most
        assert all(other < position for other in call.after)
        before.append(set().union(*(before[o] | {o} for o in call.after)))
        mine = {bundles[m].lock_key for m in call.members}
        for other in set(range(position)) - before[position]:
            assert not mine & {bundles[m].lock_key for m in plans[other].members}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(list(Priority))), max_size=30),
    st.integers(5, 40),
    st.integers(1, 40),
)
def test_what_fits_into_one_call_is_planned_as_if_each_had_been_measured(picks, most, rows):
    bundles = [order(n, customer, priority=p) for n, (customer, p) in enumerate(picks)]
    limits = dataclasses.replace(API_LIMITS, bundles=most, rows=rows)
    quick = plan(bundles, limits)
    steps = [RowWrite((n, 0), row, "create") for n, one in enumerate(bundles) for row in one.rows]
    drafted = draft_calls(steps, limits)
    heavy = 10**12
    with (
        patch.object(call_planner, "weight_at_most", lambda _: heavy),
        patch.object(collection_builder, "weight_at_most", lambda _: heavy),
    ):
        assert plan(bundles, limits) == quick
        assert draft_calls(steps, limits) == drafted


def whole(orders: list[WriteSet], **limits) -> tuple[int, ...] | None:
    """The members of the one call that holds all, None where each has to be measured."""
    unmeasured = patch.object(call_planner, "_load_of", side_effect=LookupError)
    with unmeasured:
        try:
            [call] = plan(orders, dataclasses.replace(API_LIMITS, **limits))
        except LookupError:
            return None
    return call.members


def test_a_batch_up_to_the_limits_is_one_call_that_nobody_measured():
    two = [order(1), order(2)]
    assert whole(two, bundles=2) == (0, 1)
    assert whole(two, bundles=1) is None
    # three sObjects with two rows each
    assert whole(two, collections=3, rows=2) == (0, 1)
    assert whole(two, collections=3, rows=1) is None
    assert whole(two, collections=2, rows=6) is None
    assert whole([order(n) for n in range(3)], collections=3, rows=3) == (0, 1, 2)
    assert whole([order(n) for n in range(3)], collections=3, rows=2) is None


def test_the_one_call_has_the_urgent_first_and_then_those_who_share_most():
    later, now = Priority.BACKFILL, Priority.LIVE
    assert whole([order(0, 0), order(1, 1)]) == (0, 1)
    assert whole([order(0, 0, priority=later), order(1, 1, priority=now)]) == (1, 0)
    assert whole([order(0, 0), order(1, 1), order(2, 1)]) == (1, 2, 0)
    mixed = [order(0, 0, priority=later), order(1, 1), order(2, 2), order(3, 2)]
    assert whole(mixed) == (2, 3, 1, 0)


def test_who_shares_a_lock_with_two_others_brings_them_together():
    first, second = WriteSet("1", (account("a"),)), WriteSet("2", (account("b"),))
    both = WriteSet("3", (account("b"), account("a")))
    assert lock_groups([first, second, both]) == [[0, 1, 2]]
