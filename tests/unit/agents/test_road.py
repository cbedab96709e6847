"""Which road a batch takes, and that live events never wait behind a job they need not wait for."""

from __future__ import annotations

import asyncio
import math

import pytest

from agents.delivery.api_choice import CALLS_PER_JOB, Api, Batch, choose_api, composite_calls
from agents.delivery.api_router import ApiRouter
from agents.delivery.types import WriteSet, Written
from schemas.priority import Priority
from schemas.salesforce import Row

C, B = Api.COMPOSITE, Api.BULK
LARGE = Batch(bundles=10_000, jobs=3)


@pytest.mark.parametrize(
    ("backlog", "calls_left", "batch", "threshold", "roads"),
    [
        (49_999, 1e6, LARGE, 50_000, (C, C)),
        (50_000, 1e6, LARGE, 50_000, (C, B)),
        (50_000, math.inf, LARGE, 50_000, (C, B)),
        (50_000, 249, LARGE, 50_000, (B, B)),  # the day's calls do not carry 250 of Composite
        (50_000, 250, LARGE, 50_000, (C, B)),
        (10**6, 1e6, LARGE, 0, (C, C)),  # switched off
        (10**6, 10, Batch(bundles=1000, jobs=3), 50_000, (C, C)),  # jobs would cost more
    ],
)
def test_the_road_by_backlog_budget_and_batch(backlog, calls_left, batch, threshold, roads):
    chosen = choose_api(backlog, calls_left, batch, threshold=threshold)
    assert (chosen.live, chosen.others) == roads


def test_a_call_that_is_not_full_is_a_call():
    assert [composite_calls(n) for n in (0, 1, 200, 201, 400)] == [0, 1, 1, 2, 2]


def test_jobs_are_never_chosen_when_they_cost_more_calls():
    for bundles in range(0, 20_000, 500):
        for jobs in (1, 3, 5):
            roads = choose_api(10**7, 0, Batch(bundles, jobs), threshold=1)
            if Api.BULK in (roads.live, roads.others):
                assert jobs * CALLS_PER_JOB < composite_calls(bundles)


class Recorder:
    def __init__(self, name, log):
        self.name, self.log = name, log

    async def send(self, bundles):
        self.log.append((self.name, [bundle.key for bundle in bundles]))
        return [Written({"x": bundle.key}) for bundle in bundles]


def bundle(key, priority):
    return WriteSet(key, (Row("A", "K", key, {"f": 1}),), priority=priority)


def send(bundles, *, backlog, calls_left=math.inf):
    log = []
    door = ApiRouter(
        {C: Recorder("composite", log), B: Recorder("bulk", log)},
        threshold=1000,
        backlog=lambda: backlog,
        calls_left=lambda: calls_left,
    )
    outcomes = asyncio.run(door.send(bundles))
    assert [outcome.ids["x"] for outcome in outcomes] == [b.key for b in bundles]
    return log


MIXED = [bundle(str(n), Priority.LIVE if n % 2 else Priority.BACKFILL) for n in range(2 * 200 * 11)]


def test_live_events_go_first_and_by_their_own_road():
    (first, live), (second, rest) = send(MIXED, backlog=5000)
    assert (first, second) == ("composite", "bulk")
    assert all(int(key) % 2 for key in live)
    assert not any(int(key) % 2 for key in rest)


def test_one_road_is_one_batch_in_its_order():
    assert send(MIXED, backlog=10) == [("composite", [b.key for b in MIXED])]
    assert send(MIXED, backlog=5000, calls_left=5) == [("bulk", [b.key for b in MIXED])]
    assert send([], backlog=10) == []


def test_a_text_that_is_csvs_word_for_null_goes_by_composite():
    rows = (Row("A", "K", "na", {"f": "#N/A"}),)
    literal = WriteSet("na", rows, priority=Priority.BACKFILL)
    others = [bundle(f"b{n}", Priority.BACKFILL) for n in range(2_000)]
    log = send([literal, *others], backlog=10**6)
    assert {name for name, keys in log if "na" in keys} == {"composite"}
    assert {name for name, keys in log if "b1" in keys} == {"bulk"}


def test_a_record_that_the_org_has_just_named_is_written_at_once():
    """Before a job is over another worker may have given it another key."""
    named = Row("A", "K", "who", {"f": 1}, record_id="001000000000001AAA")
    rows = {"own": (named,), "order": (Row("A", "K", "who", {}, {"g": 1}, record_id="001"),)}
    known = [WriteSet(key, each, priority=Priority.BACKFILL) for key, each in rows.items()]
    others = [bundle(f"b{n}", Priority.BACKFILL) for n in range(4_000)]
    log = send([*known, *others], backlog=10**6)
    assert [keys for name, keys in log if name == "composite"] == [["own"]]
