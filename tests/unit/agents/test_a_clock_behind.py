"""A worker whose clock is behind believes what others have written by theirs."""

from __future__ import annotations

import dataclasses

import pytest
from support.handler_world import World

from agents.handling.version_guard import trusted
from schemas.sender_clock import utc_text
from schemas.state import State
from schemas.state_order import is_older

SAVED_MS = 1_773_511_230_000  # 2026-03-14 18:00:30
MINUTE_MS, DAY_MS = 60_000, 86_400_000


@pytest.mark.parametrize("minutes", [5, 11, 600])
def test_a_worker_that_is_behind_writes_no_older_save_over_a_newer(minutes):
    """After a handover it took the state for one of the future, and told the org to let it pass."""
    world = World()
    newer, older = (
        dataclasses.replace(world.event(second=at, total=at), received_at_ms=SAVED_MS)
        for at in (30, 1)
    )
    world.now = SAVED_MS
    assert world.outcomes(newer) == ["synced"]
    world.now -= minutes * MINUTE_MS
    assert world.outcomes(older) == ["superseded"]


def state(version_ms: int, seen_ms: int) -> State:
    return State(utc_text(version_ms), "d", "magento.orders", 0, 1, seen_ms=seen_ms)


@pytest.mark.parametrize(
    ("version_ms", "seen_ms"),
    [
        (SAVED_MS + 400 * DAY_MS, 0),  # by a release that kept no receipt
        (SAVED_MS + 400 * DAY_MS, SAVED_MS),  # nobody received it then
        (SAVED_MS + 2 * DAY_MS, SAVED_MS + 2 * DAY_MS),  # all their clocks were days ahead
        (SAVED_MS + 2 * DAY_MS, 10**18),
    ],
)
def test_a_version_of_the_future_freezes_no_record(version_ms, seen_ms):
    frozen = state(version_ms, seen_ms)
    assert trusted(frozen, utc_text(SAVED_MS)) == frozen.as_reset()


def test_the_newer_of_two_stored_states_counts_for_who_is_behind():
    newer, older = state(SAVED_MS, SAVED_MS), state(SAVED_MS - MINUTE_MS, SAVED_MS)
    assert is_older(older, newer, utc_text(SAVED_MS - 10 * MINUTE_MS))
