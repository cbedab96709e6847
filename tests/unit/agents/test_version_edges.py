"""Where the rules of the order of versions meet: the edge of each, on both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.handling.version_guard import (
    Candidate,
    VersionVerdict,
    judge,
    overrules,
    told_over,
    trusted,
    why_superseded,
)
from schemas.event import Via
from schemas.state import SEEN_DIGITS, UNSURE, Part, State

T0_MS = 1_773_511_335_000
SECOND = "2026-03-14 18:02:15"
BEFORE, EARLIER, LATER = "2026-03-14 18:02:13", "2026-03-14 18:02:14", "2026-03-14 18:02:16"
SEND, UNCHANGED, SUPERSEDED, FILL = VersionVerdict
SEEN = "0123456789abcdef01234567"
READ = {"via": Via.BACKFILL}
REPAIR = {"via": Via.BACKFILL, "is_forced": True}


def state(**changes):
    base = {"version": SECOND, "digest": "a", "topic": "orders", "partition": 0, "offset": 10}
    return State(**(base | {"rank": 2, "seen_ms": T0_MS, "mark": "ma"} | changes))


def event(**changes):
    base = {"version": SECOND, "digest": "b", "rank": 2, "topic": "orders", "offset": 11}
    return Candidate(**(base | {"seen_ms": T0_MS + 1_000, "mark": "mb"} | changes))


def test_an_event_is_live_and_whole_and_corrects_nothing_unless_it_says_so():
    assert Candidate("v", "d", 1, "orders", 7) == Candidate(
        "v", "d", 1, "orders", 7, via=Via.LIVE, is_forced=False, partition=0, seen_ms=0,
        mark="", corrects="", edited_ms=0, is_completed=False, is_part=False, is_current=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("why", "has", "gets", "verdict"),
    [
        ("2 the earlier of two, but of a later save", {"edited_ms": 6},
         {"edited_ms": 5, "version": LATER}, SEND),
        ("2 two at one time", {"edited_ms": 5}, {"edited_ms": 5}, SEND),
        ("2 with the content that is there", {}, {"edited_ms": 5, "digest": "a"}, UNCHANGED),
        ("2 the same, forced", {}, {"edited_ms": 5, "digest": "a", "is_forced": True}, SEND),
        ("2 above what it names", {}, {"edited_ms": 5, "version": EARLIER, "corrects": "ma"}, SEND),
        ("2 not above another", {}, {"edited_ms": 5, "version": EARLIER, "corrects": "mx"},
         SUPERSEDED),
        ("2 an offset of another partition", {"offset": 11, "partition": 1},
         {"edited_ms": 5, "version": EARLIER}, SUPERSEDED),
        ("2 an offset of another topic", {"offset": 11, "topic": "replay"},
         {"edited_ms": 5, "version": EARLIER}, SUPERSEDED),
        ("2 undated over a dated one", {}, {"edited_ms": 5, "version": ""}, SUPERSEDED),
        ("2 undated over an undated one", {"version": ""}, {"edited_ms": 5, "version": ""}, SEND),
        ("2 of a save that was overruled", {"overruled": ("mb",)}, {"edited_ms": 5}, SEND),
        ("3 without a mark nothing is known of it", {"overruled": ("",)}, {"mark": ""}, SEND),
        ("4 a live save of that time", {"edited_ms": T0_MS}, {}, SEND),
        ("4 completed from the store", {"edited_ms": T0_MS}, {"is_completed": True}, SUPERSEDED),
        ("4 undated, read before", {"edited_ms": T0_MS},
         {"is_completed": True, "version": "", "rank": 3, "seen_ms": T0_MS}, SUPERSEDED),
        ("5 read in the moment of its receipt", {},
         {**REPAIR, "version": EARLIER, "seen_ms": T0_MS}, SEND),
        ("5 a copy that nobody forced", {}, {**READ, "version": EARLIER}, SUPERSEDED),
        ("9 it was announced, and not written", {"digest": "", "offset": 11}, {"rank": 0}, SEND),
        ("9 it was written", {"offset": 11}, {"rank": 0}, SUPERSEDED),
        ("9 an offset of another partition", {"digest": "", "offset": 11, "partition": 1},
         {"rank": 0}, SUPERSEDED),
        ("9 an offset of another topic", {"digest": "", "offset": 11, "topic": "replay"},
         {"rank": 0}, SUPERSEDED),
        ("9 announced later", {"digest": "", "offset": 12}, {}, SUPERSEDED),
        ("9 the same offset", {}, {"offset": 10}, SEND),
        ("9 earlier in another topic", {"topic": "replay"}, {"offset": 9}, SEND),
        ("9 seen, though further", {"replaced": (SEEN[:SEEN_DIGITS],)},
         {"digest": SEEN, "rank": 3}, SUPERSEDED),
        ("9 a forced copy, read before", {}, {**REPAIR, "seen_ms": T0_MS - 1}, SEND),
        ("9 a copy that does not say how far", {}, {**READ, "rank": None}, SUPERSEDED),
        ("10 undated and further", {}, {"version": "", "rank": 3}, SEND),
        ("10 undated and silent", {}, {"version": "", "rank": None}, SUPERSEDED),
        ("10 undated, further, and seen", {"replaced": (SEEN[:SEEN_DIGITS],)},
         {"version": "", "digest": SEEN, "rank": 3}, SUPERSEDED),
        ("over undated: saved in the second of its receipt", {"version": ""}, {"rank": 1}, SEND),
        ("over undated: saved before, and seen",
         {"version": "", "replaced": (SEEN[:SEEN_DIGITS],)},
         {"version": EARLIER, "digest": SEEN}, SUPERSEDED),
        ("over undated: saved before, received earlier", {"version": ""},
         {"version": EARLIER, "offset": 9}, SEND),
    ],
)  # fmt: skip
def test_a_rule_ends_where_the_next_one_begins(why, has, gets, verdict):
    assert judge(state(**has), event(**gets)) is verdict, why


PART = Part(SECOND, frozenset({"f1"}))
OVER = state(parts=(PART,), under=state(version=BEFORE, digest="w", seen_ms=T0_MS - 3_000))


@pytest.mark.parametrize(
    ("why", "has", "gets", "verdict"),
    [
        ("newer than the part", OVER, event(version=LATER), SEND),
        ("between the whole save and the part", OVER, event(version=EARLIER), FILL),
        ("older than both", OVER, event(version="2026-03-14 18:02:12"), SUPERSEDED),
        ("the whole save again, later", OVER, event(version=EARLIER, digest="w"), FILL),
        ("the whole save itself", OVER, event(version=BEFORE, digest="w"), SUPERSEDED),
        ("no whole save is known", replace(OVER, under=None), event(version=BEFORE), FILL),
        ("nothing stands over it", state(), event(version=EARLIER), SUPERSEDED),
        (
            "overruled",
            replace(OVER, overruled=("mb",)),
            event(version=EARLIER),
            SUPERSEDED,
        ),
        ("without a mark", replace(OVER, overruled=("",)), event(version=EARLIER, mark=""), FILL),
        (
            "a correction is not bound by what overruled its save",
            replace(OVER, overruled=("mb",)),
            event(version=EARLIER, edited_ms=5),
            FILL,
        ),
        (
            "a correction of a save older than both",
            OVER,
            event(version="2026-03-14 18:02:12", edited_ms=5),
            SUPERSEDED,
        ),
    ],
)
def test_what_a_part_supersedes_is_judged_by_the_whole_beneath_it(why, has, gets, verdict):
    assert judge(has, gets) is verdict, why


def test_what_fills_leaves_out_what_newer_parts_told():
    older = Part(BEFORE, frozenset({"f2"}))
    undated = Part("", frozenset({"f3"}))
    both = replace(OVER, parts=(PART, older, undated))
    assert told_over(both, event(version=EARLIER)) == {"f1", "f3"}
    assert told_over(both, event(version=LATER)) is None
    announced = Part(EARLIER, frozenset({"f4", UNSURE}))  # the event's own, not known to be written
    its_own = replace(OVER, parts=(PART, announced))
    assert told_over(its_own, event(version=EARLIER, is_part=True)) == {"f1"}
    assert told_over(its_own, event(version=EARLIER)) == {"f1", "f4"}
    assert told_over(None, event()) is None
    assert told_over(state(), event(version=EARLIER)) is None


def test_the_newest_of_a_line_is_that_with_the_later_time_then_the_one_that_says_how_far():
    first, second = event(version=EARLIER, offset=12), event(offset=11)
    assert max(first, second, key=lambda one: one.order) is second
    assert event(version="").order == (LATER, True, 11)
    assert event(rank=0).order == event(rank=None).order == (SECOND, False, 11)


def test_only_what_is_older_or_reset_overrules_the_org():
    assert not overrules(state(), event())
    assert overrules(state().as_reset(), event(version=LATER))


def test_a_state_may_be_as_new_as_anybody_can_be():
    assert trusted(None, LATER) is None
    newest = state(version=LATER, seen_ms=0)  # no receipt bears it out
    assert trusted(newest, LATER) is newest
    assert trusted(newest, SECOND) == newest.as_reset()


@pytest.mark.parametrize(
    ("has", "gets", "reason"),
    [
        (None, event(), "Salesforce has a newer state of this order"),
        (state(), event(), "Salesforce has a newer state of this order"),
        (state(edited_ms=1), event(), "Salesforce has a newer state of this order"),
        (state(), event(**READ), "Salesforce has a newer state of this order"),
        (None, event(version=""), "it has no date of its own, and Salesforce has a state that"),
        (state(edited_ms=1), event(is_completed=True), "a person corrected this save"),
        (state(overruled=("mb",)), event(version=""), "this save was overruled"),
    ],
)
def test_the_reason_names_the_rule_that_applied(has, gets, reason):
    assert why_superseded(has, gets).startswith(reason)
