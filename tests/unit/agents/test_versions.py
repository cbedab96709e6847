"""The version guard decides what may be written over what."""

import pytest

from agents.handling.version_guard import Candidate, VersionVerdict, canonical_version, judge
from schemas.event import Via
from schemas.state import State

SAVED = State(
    version="2026-03-14 18:02:15", digest="a", topic="orders", partition=0, offset=10, rank=2
)


def candidate(**changes):
    base = {
        "version": "2026-03-14 18:02:15",
        "digest": "b",
        "rank": 2,
        "topic": "orders",
        "offset": 11,
    }
    return Candidate(**(base | changes))


@pytest.mark.parametrize(
    ("why", "event", "verdict"),
    [
        ("a newer save is sent", candidate(version="2026-03-14 18:02:16"), VersionVerdict.SEND),
        (
            "an older save never is",
            candidate(version="2026-03-14 18:02:14"),
            VersionVerdict.SUPERSEDED,
        ),
        ("the same content needs no call", candidate(digest="a"), VersionVerdict.UNCHANGED),
        (
            "nor does it when saved again later",
            candidate(digest="a", version="2026-03-14 19:00:00"),
            VersionVerdict.UNCHANGED,
        ),
        ("unless it is forced", candidate(digest="a", is_forced=True), VersionVerdict.SEND),
        (
            "but an old state is not sent even when forced",
            candidate(version="2026-03-14 18:02:14", is_forced=True),
            VersionVerdict.SUPERSEDED,
        ),
        ("within a second the later offset wins", candidate(offset=11), VersionVerdict.SEND),
        ("and the earlier one loses", candidate(offset=9), VersionVerdict.SUPERSEDED),
        ("new never wins over a later state", candidate(rank=0), VersionVerdict.SUPERSEDED),
        (
            "a backfill of the same second does not win over a live event",
            candidate(via=Via.BACKFILL),
            VersionVerdict.SUPERSEDED,
        ),
        (
            "unless the order is further on in its life there",
            candidate(via=Via.BACKFILL, rank=3),
            VersionVerdict.SEND,
        ),
    ],
)
def test_the_guard_compares_version_then_content_then_life_then_offset(why, event, verdict):
    assert judge(SAVED, event) is verdict, why


def test_an_order_salesforce_does_not_have_is_sent():
    assert judge(None, candidate()) is VersionVerdict.SEND


def test_content_in_doubt_is_sent_again():
    in_doubt = State(
        version=SAVED.version, digest="", topic="orders", partition=0, offset=10, rank=2
    )
    assert (
        judge(in_doubt, candidate(digest="a", version="2026-03-14 18:02:16")) is VersionVerdict.SEND
    )


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2026-03-14 18:02:15", "2026-03-14 18:02:15"),
        ("2026-03-14T18:02:15Z", "2026-03-14 18:02:15"),
        ("2026-03-14T18:02:15.250Z", "2026-03-14 18:02:15.250"),
        ("2026-03-14T20:02:15+02:00", "2026-03-14 18:02:15"),
        ("", "1970-01-01 00:00:01"),
        ("yesterday", "1970-01-01 00:00:01"),
    ],
)
def test_versions_sort_as_text_whatever_the_sender_writes(text, version):
    assert canonical_version(text, received_at_ms=1000) == version


def test_of_two_saves_in_one_second_the_new_order_is_older_than_the_paid_one():
    paid, placed = candidate(rank=2, offset=5), candidate(rank=0, offset=6)
    assert max((paid, placed), key=lambda event: event.order) is paid
