"""The dead-letter topic is not the drain of a mistake: most events dying of one cause is a stop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.handling.dead_letter_limit import DeadLetterLimit, Fingerprint

CAUSE = Fingerprint("STRING_TOO_LONG", ("Name",), "v1")
OTHER = Fingerprint("INVALID_EMAIL_ADDRESS", ("Email",), "v1")


def limit(**more):
    return DeadLetterLimit(**{"events": 3, "share": 0.5, "window_seconds": 60.0} | more)


def test_most_events_dying_of_one_cause_is_a_stop_for_that_cause_alone():
    subject = limit()
    assert [subject.may_die(CAUSE, 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert subject.may_die(OTHER, 0.0)
    assert subject.held == {CAUSE: 2}


def test_a_few_bad_records_among_many_good_ones_are_no_stop():
    subject = limit()
    for _ in range(100):
        subject.ended_well(0.0)
    assert all(subject.may_die(CAUSE, 0.0) for _ in range(20))


def test_deaths_of_long_ago_do_not_count():
    subject = limit()
    assert all(subject.may_die(CAUSE, at) for at in range(0, 1000, 30))


def test_a_stop_lasts_until_a_person_releases_it():
    subject = limit()
    for _ in range(4):
        subject.may_die(CAUSE, 0.0)
    assert not subject.may_die(CAUSE, 10_000.0)
    subject.release(CAUSE.code)
    assert subject.may_die(CAUSE, 10_000.0)
    assert not subject.held


def test_another_mapping_begins_anew():
    subject = limit()
    for _ in range(4):
        subject.may_die(CAUSE, 0.0)
    assert subject.may_die(Fingerprint(CAUSE.code, CAUSE.fields, "v2"), 0.0)


def test_zero_events_switch_it_off():
    subject = limit(events=0)
    assert all(subject.may_die(CAUSE, 0.0) for _ in range(1000))


@pytest.mark.hypothesis
@given(st.lists(st.booleans(), max_size=200))
def test_never_more_of_one_cause_die_than_the_limit_and_their_share_allow(outcomes):
    subject, died, well = limit(), 0, 0
    for is_bad in outcomes:
        if not is_bad:
            subject.ended_well(0.0)
            well += 1
        elif subject.may_die(CAUSE, 0.0):
            died += 1
    assert died <= max(3, well + 1)
