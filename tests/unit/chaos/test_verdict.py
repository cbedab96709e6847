"""The judge can find everybody guilty: each broken promise, on its own, is seen."""

import dataclasses

import pytest

from chaos.verdict import (
    Books,
    Delivery,
    Expectation,
    OrgMemory,
    Run,
    ack_percentile,
    judge,
    stale_writes,
)


def delivery(order="1", version=1, *, accepted=True, due=10.0, latency=0.01):
    return Delivery(order, version, accepted, due, latency, 1)


GOOD_ORG = OrgMemory(
    held={"1": 2, "2": 1},
    writes=[("1", 1), ("2", 1), ("1", 2)],
    duplicates=0,
    redundant=0,
    stale_of_customers=0,
    is_complete=True,
)
GOOD_BOOKS = Books(
    accepted=3, dead=0, unaccounted=0, deleted_unread=0, is_balanced=True, balance="accepted 3 = 3"
)
GOOD = Run(
    deliveries=[delivery("1", 1), delivery("1", 2), delivery("2", 1)],
    org=GOOD_ORG,
    books=GOOD_BOOKS,
    fault=(0.0, 20.0),
    recovery_seconds=2.0,
    seen={"kill -9": 1},
)
EXPECTED = Expectation(least_accepted=3, evidence={"kill -9": 1}, ack_p99_seconds=1.0)


def org(**changes):
    return dataclasses.replace(GOOD, org=dataclasses.replace(GOOD_ORG, **changes))


def books(**changes):
    return dataclasses.replace(GOOD, books=dataclasses.replace(GOOD_BOOKS, **changes))


def run(**changes):
    return dataclasses.replace(GOOD, **changes)


def test_a_run_that_kept_every_promise_breaks_none():
    figures, broken = judge(GOOD, EXPECTED)
    assert broken == []
    assert (figures.accepted, figures.records, figures.lost) == (3, 2, 0)


@pytest.mark.parametrize(
    ("guilty", "says"),
    [
        (org(held={"1": 2}), "1 orders lost"),
        (org(held={"1": 1, "2": 1}), "1 orders lost"),
        (org(held={"1": 3, "2": 1}), "1 records hold what nobody sent"),
        (org(held={"1": 2, "2": 1, "3": 1}), "1 records hold what nobody sent"),
        (org(writes=[("1", 2), ("1", 1), ("1", 2)]), "1 stale writes"),
        (org(stale_of_customers=2), "2 stale writes"),
        (org(duplicates=1), "1 duplicate records"),
        (org(redundant=1), "1 redundant writes"),
        (org(is_complete=False), "memory of writes is not complete"),
        (books(dead=1), "1 dead letters, 0 expected"),
        (books(unaccounted=4), "4 events without an outcome"),
        (books(is_balanced=False, balance="accepted 3 ≠ 2"), "does not balance: accepted 3 ≠ 2"),
        (books(accepted=2), "3 got a 2xx, the audit knows of 2"),
        (books(deleted_unread=1), "1 events deleted before they were read"),
        (run(seen={}), "it did not happen: kill -9"),
        (run(deliveries=GOOD.deliveries[1:]), "too idle: 2 accepted of 3"),
        (run(recovery_seconds=None), "recovered never"),
        (run(recovery_seconds=91.0), "recovered after 91.0 s"),
        (run(deliveries=[*GOOD.deliveries, delivery("2", 1, latency=3)]), "ack p99 3.00 s"),
    ],
)
def test_each_broken_promise_is_seen(guilty, says):
    _, broken = judge(guilty, EXPECTED)
    assert any(says in sentence for sentence in broken)


def test_what_was_never_accepted_may_be_missing_and_may_be_there():
    refused = [*GOOD.deliveries, delivery("3", 1, accepted=False)]
    assert judge(run(deliveries=refused), EXPECTED)[1] == []
    there = dataclasses.replace(GOOD_ORG, held={**GOOD_ORG.held, "3": 1})
    assert judge(run(deliveries=refused, org=there), EXPECTED)[1] == []


def test_a_dead_letter_that_was_meant_is_no_loss():
    meant = run(
        deliveries=[*GOOD.deliveries, delivery("9", 1)],
        books=dataclasses.replace(GOOD_BOOKS, accepted=4, dead=1),
    )
    assert judge(meant, dataclasses.replace(EXPECTED, dead_orders=frozenset({"9"})))[1] == []
    assert judge(meant, EXPECTED)[1]


def test_work_done_twice_is_bounded_by_what_was_in_hand():
    twice = org(redundant=7)
    assert judge(twice, dataclasses.replace(EXPECTED, most_redundant=7))[1] == []
    assert judge(twice, dataclasses.replace(EXPECTED, most_redundant=6))[1]


def test_what_retention_deleted_is_forgiven_only_as_far_as_it_was_counted():
    expected = dataclasses.replace(EXPECTED, may_delete_unread=True)
    counted = run(
        org=dataclasses.replace(GOOD_ORG, held={"1": 2}),
        books=dataclasses.replace(GOOD_BOOKS, accepted=2, deleted_unread=1),
    )
    assert judge(counted, expected)[1] == []
    uncounted = run(org=dataclasses.replace(GOOD_ORG, held={"1": 2}))
    assert judge(uncounted, expected)[1] == ["1 orders lost"]


def test_a_write_is_stale_against_any_earlier_one_not_only_the_last():
    assert stale_writes([("1", 1), ("1", 3), ("1", 2), ("1", 2), ("2", 1)]) == 2


def test_only_what_was_due_during_the_fault_counts_for_its_latency():
    sent = [delivery(due=1.0, latency=9.0), delivery(due=5.0, latency=2.0)]
    assert ack_percentile(sent, (4.0, 6.0), 99) == 2.0
    assert ack_percentile(sent, (7.0, 8.0), 99) == 0.0
