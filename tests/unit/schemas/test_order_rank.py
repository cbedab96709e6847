"""The tie-break within one second."""

from __future__ import annotations

import pytest

from schemas.order_rank import state_rank


@pytest.mark.parametrize(
    "later", ["payment_review", "holded", "processing", "complete", "closed", "canceled", "my_own"]
)
@pytest.mark.parametrize("first", ["new", "pending_payment"])
def test_new_and_pending_never_win_over_a_later_state(first, later) -> None:
    assert state_rank({"state": first}) < state_rank({"state": later})


def test_a_refund_is_later_than_completion_and_completion_later_than_processing() -> None:
    ranks = [state_rank({"state": state}) for state in ("processing", "complete", "closed")]
    assert ranks == sorted(set(ranks))


@pytest.mark.parametrize(
    ("one", "other"), [("holded", "processing"), ("payment_review", "processing")]
)
def test_where_an_order_can_go_either_way_nothing_is_decided(one, other) -> None:
    assert state_rank({"state": one}) == state_rank({"state": other})


@pytest.mark.parametrize(
    "entity", [{}, {"state": None}, {"state": 7}, {"state": ["new"]}, {"state": " "}]
)
def test_no_state_has_no_rank(entity) -> None:
    assert state_rank(entity) is None


def test_what_the_store_shows_ranks_as_what_it_means() -> None:
    assert state_rank({"status": "Pending Payment"}) == state_rank({"state": "pending_payment"})
    assert state_rank({"status": "Cancelled"}) == state_rank({"state": "canceled"})


def test_the_status_stands_in_for_a_missing_state() -> None:
    assert state_rank({"status": "complete"}) == state_rank({"state": "Complete "})


@pytest.mark.parametrize(
    ("state", "rank"),
    [
        ("new", 0),
        ("pending", 0),
        ("pending_payment", 0),
        ("payment_review", 1),
        ("holded", 1),
        ("processing", 1),
        ("my_own", 1),
        ("complete", 2),
        ("closed", 3),
        ("canceled", 3),
    ],
)
def test_the_ranks_are_those_of_the_table(state, rank) -> None:
    assert state_rank({"state": state, "status": "new" if rank else "closed"}) == rank
