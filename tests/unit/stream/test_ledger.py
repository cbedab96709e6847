"""The ledger: one byte per event, and a balance that cannot be wrong."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stream.audit.outcome_bitmap import (
    DEAD,
    MARK_OF,
    NO_RECORD,
    SUPERSEDED,
    SYNCED,
    UNANSWERED,
    UNCHANGED,
    WAITING,
    Balance,
    DeletedEvents,
    OutcomeBitmap,
    fingerprint,
)


def ledger_with(*offsets: int, start: int = 100, end: int = 110) -> OutcomeBitmap:
    ledger = OutcomeBitmap(start, end)
    for offset in offsets:
        ledger.accept(offset, event_at(offset))
    return ledger


def event_at(offset: int) -> int:
    return fingerprint(f"event {offset}")


def settle(ledger: OutcomeBitmap, offset: int, mark: int) -> int | None:
    return ledger.settle(offset, event_at(offset), mark)


def test_what_salesforce_has_wins_over_every_other_outcome():
    assert NO_RECORD < UNANSWERED < WAITING < DEAD < SUPERSEDED < UNCHANGED < SYNCED


def test_an_event_counts_with_its_best_outcome_whatever_the_order():
    for marks in ((DEAD, SYNCED), (SYNCED, DEAD)):
        ledger = ledger_with(100)
        for mark in marks:
            settle(ledger, 100, mark)
        assert (ledger.balance().synced, ledger.balance().dead) == (1, 0)


def test_an_outcome_outside_the_window_or_in_a_gap_is_nobodys():
    ledger = ledger_with(100)
    assert [settle(ledger, offset, SYNCED) for offset in (99, 101, 110)] == [None] * 3
    assert ledger.balance().synced == 0


def test_an_outcome_of_another_event_at_the_same_offset_is_not_this_ones():
    ledger = ledger_with(100)
    assert ledger.settle(100, fingerprint("of another life of the topic"), SYNCED) is None
    assert (ledger.balance().synced, ledger.balance().pending) == (0, 1)


def test_unanswered_events_are_found_by_offset_and_counted_below_one():
    ledger = ledger_with(101, 103, 107)
    settle(ledger, 103, WAITING)
    assert list(ledger.unanswered_events()) == [(101, event_at(101)), (107, event_at(107))]
    assert ledger.unanswered() == 2
    assert ledger.unanswered(before_offset=107) == 1
    assert ledger.unanswered(before_offset=50) == 0


def test_a_balance_that_does_not_hold_shows_it():
    assert "accepted 2 ≠ synced 1" in Balance(accepted=2, synced=1).line
    assert "accepted 1 = synced 1" in Balance(accepted=1, synced=1).line


@given(
    st.lists(st.integers(0, 49), unique=True),
    st.lists(st.tuples(st.integers(-5, 55), st.sampled_from(sorted(set(MARK_OF.values()))))),
)
def test_accepted_always_equals_the_sum_of_the_outcomes(accepted, outcomes):
    ledger = ledger_with(*accepted, start=0, end=50)
    for offset, mark in outcomes:
        settle(ledger, offset, mark)
    balance = ledger.balance()
    assert balance.is_balanced
    assert balance.accepted == len(accepted)
    assert (balance + replace(balance)).accepted == 2 * len(accepted)


def test_a_ledger_grows_with_its_log_and_forgets_what_retention_took():
    ledger = ledger_with(*range(10, 15), start=10, end=15)
    assert settle(ledger, 12, SYNCED) == UNANSWERED
    ledger.extend_to(13)  # an older answer of the broker takes nothing back
    assert (ledger.accepted, ledger.balance().synced, ledger.balance().pending) == (5, 1, 4)
    ledger.forget_before(13)
    assert settle(ledger, 12, SYNCED) is None
    ledger.accept(12, event_at(12))  # below what is kept
    assert (ledger.accepted, ledger.balance().synced, ledger.balance().pending) == (2, 0, 2)
    ledger.forget_before(5)
    ledger.forget_before(99)
    assert ledger.balance().accepted == 0
    ledger.extend_to(20)
    assert ledger.balance().is_balanced


def test_deleted_events_without_an_outcome_are_counted():
    deleted = DeletedEvents(10, 14)
    for offset in (9, 11, 11, 14):
        deleted.settle(offset)
    assert deleted.unanswered() == 3
