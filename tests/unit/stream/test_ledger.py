"""The ledger: one byte per event, and a balance that cannot be wrong."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stream.audit.outcome_bitmap import (
    DEAD,
    MARK_OF,
    NO_RECORD,
    PRESUMED,
    SUPERSEDED,
    SYNCED,
    UNANSWERED,
    UNCHANGED,
    WAITING,
    Balance,
    OutcomeBitmap,
)


def ledger_with(*offsets: int, start: int = 100, end: int = 110) -> OutcomeBitmap:
    ledger = OutcomeBitmap(start, end)
    for offset in offsets:
        ledger.accept(offset)
    return ledger


def test_what_salesforce_has_wins_over_every_other_outcome():
    assert NO_RECORD < PRESUMED < UNANSWERED < WAITING < DEAD < SUPERSEDED < UNCHANGED < SYNCED


def test_an_event_counts_with_its_best_outcome_whatever_the_order():
    for marks in ((DEAD, SYNCED), (SYNCED, DEAD)):
        ledger = ledger_with(100)
        for mark in marks:
            ledger.settle(100, mark)
        assert (ledger.balance().synced, ledger.balance().dead) == (1, 0)


def test_an_outcome_outside_the_window_or_in_a_gap_is_nobodys():
    ledger = ledger_with(100)
    assert [ledger.settle(offset, SYNCED) for offset in (99, 101, 110)] == [None] * 3
    assert ledger.balance().synced == 0


def test_unanswered_events_are_found_by_offset_and_counted_below_one():
    ledger = ledger_with(101, 103, 107)
    ledger.settle(103, WAITING)
    assert list(ledger.unanswered_offsets()) == [101, 107]
    assert ledger.unanswered() == 2
    assert ledger.unanswered(before_offset=107) == 1
    assert ledger.unanswered(before_offset=50) == 0


def test_a_presumed_event_is_proved_by_its_outcome_or_by_its_record_or_is_a_gap():
    ledger = OutcomeBitmap(100, 104)
    ledger.presume()
    assert ledger.balance().accepted == 0
    assert ledger.settle(100, SYNCED) == UNANSWERED
    assert ledger.settle(101, WAITING) == UNANSWERED
    assert ledger.presumed_ranges() == [(102, 104)]
    ledger.accept(102)
    ledger.accept(101)  # read beside the others: known already
    ledger.forget_presumed()
    balance = ledger.balance()
    assert (balance.accepted, balance.synced, balance.waiting, balance.pending) == (3, 1, 1, 2)
    assert balance.is_balanced
    assert ledger.settle(103, SYNCED) is None


def test_ranges_to_read_are_few_and_hold_everything_presumed():
    ledger = OutcomeBitmap(0, 1_000_000)
    ledger.presume()
    for offset in range(1_000_000):
        if offset % 10_000:
            ledger.settle(offset, SYNCED)
    assert ledger.presumed_ranges() == [(0, 990_001)]
    near = OutcomeBitmap(0, 20_000)
    near.presume()
    for offset in range(20_000):
        if offset not in (5, 900, 15_000):
            near.settle(offset, SYNCED)
    assert near.presumed_ranges() == [(5, 901), (15_000, 15_001)]


def test_a_balance_that_does_not_hold_shows_it():
    assert "accepted 2 ≠ synced 1" in Balance(accepted=2, synced=1).line
    assert "accepted 1 = synced 1" in Balance(accepted=1, synced=1).line


@given(
    st.lists(st.integers(0, 49), unique=True),
    st.lists(st.tuples(st.integers(-5, 55), st.sampled_from(sorted(set(MARK_OF.values()))))),
)
def test_accepted_always_equals_the_sum_of_the_outcomes(accepted, outcomes):
    ledger = OutcomeBitmap(0, 50)
    for offset in accepted:
        ledger.accept(offset)
    for offset, mark in outcomes:
        ledger.settle(offset, mark)
    balance = ledger.balance()
    assert balance.is_balanced
    assert balance.accepted == len(accepted)
    assert (balance + replace(balance)).accepted == 2 * len(accepted)


def test_a_ledger_grows_with_its_log_and_forgets_what_retention_took():
    ledger = OutcomeBitmap(10, 10)
    ledger.accept_until(15)
    assert ledger.settle(12, SYNCED) == UNANSWERED
    ledger.accept_until(13)  # an older answer of the broker takes nothing back
    assert (ledger.accepted, ledger.balance().synced, ledger.balance().pending) == (5, 1, 4)
    ledger.forget_before(13)
    assert ledger.settle(12, SYNCED) is None
    assert (ledger.accepted, ledger.balance().synced, ledger.balance().pending) == (2, 0, 2)
    ledger.forget_before(5)
    ledger.forget_before(99)
    assert ledger.balance().accepted == 0
    ledger.accept_until(20)
    assert ledger.balance().is_balanced
