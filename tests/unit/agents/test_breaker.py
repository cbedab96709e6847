from __future__ import annotations

import pytest

from agents.pacing.circuit_breaker import Breaker, BreakerState
from agents.salesforce.errors.error_kind import ErrorKind

OUTAGE = ErrorKind.TRANSIENT


def make(*, failures: int = 3, give_up_seconds: float = 0.0, jitter: float = 0.5) -> Breaker:
    return Breaker(
        failures=failures,
        probe_seconds=10,
        give_up_seconds=give_up_seconds,
        jitter=lambda: jitter,
    )


def open_one(kind: ErrorKind = OUTAGE, **options) -> Breaker:
    breaker = make(failures=1, **options)
    breaker.failed(0, kind, "down", is_probe=False)
    return breaker


def probe(breaker: Breaker, now: float) -> None:
    assert breaker.wait_seconds(now) == 0
    assert breaker.enter()


def test_failures_in_a_row_open_it_and_a_success_between_starts_the_count_anew():
    breaker = make(failures=3)
    for _ in range(2):
        breaker.failed(0, OUTAGE, "down", is_probe=False)
    breaker.succeeded(is_probe=False)
    for _ in range(2):
        breaker.failed(0, OUTAGE, "down", is_probe=False)
    assert breaker.state is BreakerState.CLOSED
    breaker.failed(0, OUTAGE, "down", is_probe=False)
    assert (breaker.state, breaker.reason) == (BreakerState.OPEN, "down")


def test_failures_that_were_some_rows_own_are_forgiven_and_an_open_one_stays_open():
    breaker = make(failures=2)
    breaker.failed(0, OUTAGE, "down", is_probe=False)
    breaker.forgive()
    breaker.failed(0, OUTAGE, "down", is_probe=False)
    assert breaker.state is BreakerState.CLOSED
    breaker.failed(0, OUTAGE, "down", is_probe=False)
    breaker.forgive()
    assert (breaker.state, breaker.reason) == (BreakerState.OPEN, "down")


@pytest.mark.parametrize("kind", [ErrorKind.AUTH, ErrorKind.QUOTA, ErrorKind.CONFIG])
def test_what_speaks_for_everybody_opens_it_at_once(kind):
    breaker = make(failures=100)
    breaker.failed(0, kind, "no", is_probe=False)
    assert breaker.state is BreakerState.OPEN


def test_one_probe_goes_per_interval():
    breaker = open_one()
    assert breaker.wait_seconds(9.9) == pytest.approx(0.1)
    probe(breaker, 10)
    assert breaker.wait_seconds(10) > 0
    breaker.failed(10.5, OUTAGE, "still down", is_probe=True)
    assert breaker.wait_seconds(10.5) == pytest.approx(10)


def test_an_answered_probe_closes_it():
    breaker = open_one()
    probe(breaker, 10)
    breaker.succeeded(is_probe=True)
    assert (breaker.state, breaker.kind, breaker.reason) == (BreakerState.CLOSED, None, "")
    assert not breaker.enter()


def test_late_answers_of_calls_sent_before_it_opened_change_nothing():
    breaker = open_one()
    breaker.succeeded(is_probe=False)
    breaker.failed(5, OUTAGE, "down", is_probe=False)
    assert breaker.state is BreakerState.OPEN
    assert breaker.wait_seconds(10) == 0


def test_the_probe_is_jittered():
    early, late = open_one(jitter=0.0), open_one(jitter=1.0)
    assert (early.wait_seconds(0), late.wait_seconds(0)) == (5, 15)


def test_an_abandoned_probe_is_taken_over_by_the_next():
    breaker = open_one()
    probe(breaker, 10)
    breaker.abandoned(11)
    probe(breaker, 11)


def test_a_spent_quota_is_probed_more_and_more_slowly_and_an_outage_is_not():
    quota, outage = open_one(ErrorKind.QUOTA), open_one()
    waits: dict[ErrorKind, list[float]] = {ErrorKind.QUOTA: [], OUTAGE: []}
    for breaker, kind in ((quota, ErrorKind.QUOTA), (outage, OUTAGE)):
        now = 0.0
        for _ in range(6):
            waits[kind].append(breaker.wait_seconds(now))
            now += breaker.wait_seconds(now)
            probe(breaker, now)
            breaker.failed(now, kind, "no", is_probe=True)
    assert waits[ErrorKind.QUOTA] == [40, 80, 160, 320, 640, 640]
    assert waits[OUTAGE] == [10] * 6


def test_a_servers_wish_to_wait_longer_is_granted():
    breaker = make(failures=1)
    breaker.failed(0, OUTAGE, "down", is_probe=False, retry_after_seconds=99)
    assert breaker.wait_seconds(0) == 99


def test_it_gives_up_only_after_the_set_time_and_only_while_open():
    breaker = open_one(give_up_seconds=60)
    assert not breaker.has_given_up(59)
    assert breaker.has_given_up(60)
    probe(breaker, 60)
    breaker.succeeded(is_probe=True)
    assert not breaker.has_given_up(61)


def test_it_never_gives_up_by_default():
    assert not open_one().has_given_up(10**9)
