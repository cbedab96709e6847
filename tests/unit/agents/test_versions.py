"""The order of versions, rule by rule (docs/decisions/0018)."""

from __future__ import annotations

import pytest

from agents.handling.version_guard import (
    Candidate,
    VersionVerdict,
    judge,
    overrules,
    trusted,
    why_superseded,
)
from schemas.event import Via
from schemas.state import SEEN_DIGITS, State

T0_MS = 1_773_511_335_000  # 2026-03-14 18:02:15
SECOND = "2026-03-14 18:02:15"
EARLIER, LATER = "2026-03-14 18:02:14", "2026-03-14 18:02:16"
SEND, UNCHANGED, SUPERSEDED = (
    VersionVerdict.SEND,
    VersionVerdict.UNCHANGED,
    VersionVerdict.SUPERSEDED,
)
OLD = "0123456789abcdef01234567"


def state(**changes):
    base = {"version": SECOND, "digest": "a", "topic": "orders", "partition": 0, "offset": 10}
    return State(**(base | {"rank": 2, "seen_ms": T0_MS, "mark": "ma"} | changes))


def event(**changes):
    base = {"version": SECOND, "digest": "b", "rank": 2, "topic": "orders", "offset": 11}
    return Candidate(**(base | {"seen_ms": T0_MS + 1_000, "mark": "mb"} | changes))


@pytest.mark.parametrize(
    ("why", "has", "gets", "verdict"),
    [
        ("1 nothing is known", None, event(version=""), SEND),
        ("1 it was reset", state().as_reset(), event(version=EARLIER), SEND),
        ("2 a correction is above its original", state(offset=11), event(edited_ms=5), SEND),
        (
            "2 though its date is older than the original's was taken for",
            state(offset=11),
            event(edited_ms=5, version=EARLIER),
            SEND,
        ),
        ("2 not above a later save", state(version=LATER), event(edited_ms=5), SUPERSEDED),
        ("2 the later of two", state(edited_ms=5), event(edited_ms=6), SEND),
        ("2 not the earlier", state(edited_ms=6), event(edited_ms=5), SUPERSEDED),
        ("3 overruled, and newer", state(overruled=("mb",)), event(version=LATER), SUPERSEDED),
        ("3 forced", state(overruled=("mb",)), event(version=LATER, is_forced=True), SUPERSEDED),
        (
            "4 the store's copy of a corrected save",
            state(edited_ms=T0_MS),
            event(via=Via.BACKFILL, is_forced=True),
            SUPERSEDED,
        ),
        (
            "4 saved after it",
            state(edited_ms=T0_MS),
            event(via=Via.BACKFILL, version=LATER),
            SEND,
        ),
        (
            "4 an undated correction, completed from the store",
            state(version="", edited_ms=T0_MS),
            event(version=EARLIER, is_completed=True),
            SUPERSEDED,
        ),
        ("5 a repair", state(), event(version=EARLIER, via=Via.BACKFILL, is_forced=True), SEND),
        (
            "5 read before the state was received",
            state(seen_ms=T0_MS + 2_000),
            event(version=EARLIER, via=Via.BACKFILL, is_forced=True),
            SUPERSEDED,
        ),
        ("6 older", state(), event(version=EARLIER), SUPERSEDED),
        ("6 older, though forced", state(), event(version=EARLIER, is_forced=True), SUPERSEDED),
        ("6 newer", state(), event(version=LATER), SEND),
        ("6 newer, though less far", state(), event(version=LATER, rank=0), SEND),
        ("7 equal", state(), event(digest="a"), UNCHANGED),
        ("7 equal and saved again", state(), event(digest="a", version=LATER), UNCHANGED),
        ("7 equal and forced", state(), event(digest="a", is_forced=True), SEND),
        ("7 in doubt nothing is equal", state(digest=""), event(digest="a"), SEND),
        ("8 the later offset", state(), event(offset=11), SEND),
        ("8 not the earlier", state(), event(offset=9), SUPERSEDED),
        ("8 unless it is further", state(), event(offset=9, rank=3), SEND),
        ("8 less far", state(), event(rank=1), SUPERSEDED),
        ("8 it does not say how far", state(), event(rank=None), SEND),
        (
            "8 replaced before",
            state(replaced=(OLD[:SEEN_DIGITS],)),
            event(digest=OLD),
            SUPERSEDED,
        ),
        (
            "8 replaced before, and the store said it again later",
            state(replaced=(OLD[:SEEN_DIGITS],)),
            event(digest=OLD, is_current=True),
            SEND,
        ),
        (
            "8 replaced before, and a late delivery of that",
            state(replaced=(OLD[:SEEN_DIGITS],), seen_ms=T0_MS + 2_000),
            event(digest=OLD, is_current=True),
            SUPERSEDED,
        ),
        (
            "8 replaced before, and said again in that very moment",
            state(replaced=(OLD[:SEEN_DIGITS],), seen_ms=T0_MS + 1_000),
            event(digest=OLD, is_current=True, seen_ms=T0_MS + 1_000),
            SUPERSEDED,
        ),
        ("8 a copy from the store", state(), event(via=Via.BACKFILL), SUPERSEDED),
        ("8 a copy that is further", state(), event(via=Via.BACKFILL, rank=3), SEND),
        ("9 undated over undated", state(version=""), event(version=""), SEND),
        (
            "9 seen",
            state(version="", replaced=(OLD[:12],)),
            event(version="", digest=OLD),
            SUPERSEDED,
        ),
        ("9 less far", state(version=""), event(version="", rank=0), SUPERSEDED),
        ("9 received earlier", state(version=""), event(version="", offset=9), SUPERSEDED),
        ("9 over a dated one", state(), event(version=""), SUPERSEDED),
        ("9 that is less far", state(rank=1), event(version=""), SEND),
        ("10 saved after it was received", state(version=""), event(version=LATER, rank=1), SEND),
        ("10 saved before", state(version=""), event(version=EARLIER, rank=1), SUPERSEDED),
        ("10 saved before, as far", state(version=""), event(version=EARLIER), SEND),
    ],
)
def test_the_first_rule_that_applies_decides(why, has, gets, verdict):
    assert judge(has, gets) is verdict, why


def test_a_state_of_the_future_counts_as_reset_and_the_next_event_overrules_the_org():
    frozen = trusted(state(version="2099-01-01 00:00:00"), LATER)
    assert judge(frozen, event()) is SEND
    assert overrules(frozen, event())
    assert trusted(state(), LATER) == state()


def test_what_goes_back_on_purpose_overrules_the_org_and_nothing_else_does():
    assert overrules(state(), event(version=EARLIER))
    assert not overrules(state(), event(version=LATER))
    assert not overrules(state(), event(version=""))
    assert not overrules(None, event())


def test_the_reason_says_which_rule_held_an_event_back():
    assert "overruled" in why_superseded(state(overruled=("mb",)), event())
    assert "corrected" in why_superseded(state(edited_ms=1), event(via=Via.BACKFILL))
    assert "no date" in why_superseded(state(), event(version=""))
    assert "newer" in why_superseded(state(), event(version=EARLIER))
