"""When a connection is ended: the decision alone, without a socket."""

from __future__ import annotations

import pytest

from stream.http.connection_reaper import GRACE_SECONDS, ReaperVerdict, verdict

TIMEOUT, KEEPALIVE = 10.0, 75.0


def judge(**changes) -> ReaperVerdict:
    state = {
        "age_seconds": 0.0,
        "unsent_seconds": 0.0,
        "is_idle": False,
        "is_waiting": False,
        "has_served": False,
    }
    return verdict(**{**state, **changes}, timeout_seconds=TIMEOUT, keepalive_seconds=KEEPALIVE)


@pytest.mark.parametrize(
    ("state", "before", "after", "at"),
    [
        ({"is_idle": True, "is_waiting": True}, "keep", "silent", TIMEOUT),
        ({"is_idle": True, "is_waiting": True, "has_served": True}, "keep", "idle", KEEPALIVE),
        ({"is_waiting": True}, "keep", "slow_headers", TIMEOUT),
        ({"is_waiting": False}, "keep", "hanging", TIMEOUT + GRACE_SECONDS),
    ],
    ids=["says nothing", "kept alive", "slow headers", "handler hangs"],
)
def test_a_connection_is_ended_when_its_time_is_up_and_not_before(state, before, after, at) -> None:
    assert judge(**state, age_seconds=at - 0.01) == before
    assert judge(**state, age_seconds=at) == after


@pytest.mark.parametrize("is_idle", [True, False])
def test_an_answer_nobody_reads_ends_the_connection_whatever_else_it_does(is_idle) -> None:
    assert (
        judge(is_idle=is_idle, has_served=True, unsent_seconds=TIMEOUT - 0.01) is ReaperVerdict.KEEP
    )
    unread = judge(is_idle=is_idle, has_served=True, unsent_seconds=TIMEOUT)
    assert unread is ReaperVerdict.CUT_UNREAD_ANSWER
