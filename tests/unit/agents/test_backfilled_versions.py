"""What a backfill read never wins over what is newer; a repair does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.handling.version_guard import Candidate, VersionVerdict, judge
from schemas.event import Via
from schemas.state import State

SECONDS = st.integers(0, 3).map(lambda second: f"2026-03-14 18:00:0{second}")


def state(version, digest="live", rank=1, offset=5):
    return State(version, digest, "magento.orders", 0, offset, rank=rank)


def read(version, digest="read", rank=1, offset=9, *, is_forced=False):
    return Candidate(version, digest, rank, "magento.orders", offset, Via.BACKFILL, is_forced)


@given(SECONDS, SECONDS, st.booleans(), st.integers(0, 2), st.integers(0, 2))
def test_an_older_document_is_written_as_a_repair_only(held, version, is_forced, rank, new_rank):
    verdict = judge(state(held, rank=rank), read(version, rank=new_rank, is_forced=is_forced))
    if is_forced:
        assert verdict is VersionVerdict.SEND  # a repair, read after the state's event came in
    elif version < held:
        assert verdict is VersionVerdict.SUPERSEDED
    elif version > held:
        assert verdict is VersionVerdict.SEND


@pytest.mark.parametrize(
    ("digest", "rank", "is_forced", "verdict"),
    [
        ("read", 1, False, VersionVerdict.SUPERSEDED),  # a tie goes to the live event
        ("read", 2, False, VersionVerdict.SEND),  # further on in its life
        ("live", 1, False, VersionVerdict.UNCHANGED),
        ("live", 1, True, VersionVerdict.SEND),  # a repair writes what is believed to be there
        ("read", 1, True, VersionVerdict.SEND),
        ("read", 0, True, VersionVerdict.SEND),  # it is the store's word, whatever was sent before
    ],
)
def test_of_the_same_second_the_live_event_wins_unless_it_is_a_repair(
    digest, rank, is_forced, verdict
):
    second = "2026-03-14 18:00:00"
    assert judge(state(second), read(second, digest, rank, is_forced=is_forced)) is verdict
