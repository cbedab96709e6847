"""What is held back waits with its attempts, its alert says the way out, a release ends it."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from support.silent_cluster import SETTINGS, Reader

from agents.handling import dead_letter_stop
from agents.handling.dead_letter_limit import DeadLetterLimit
from agents.handling.dead_letter_stop import DeadLetterStop
from agents.handling.outcome import Notes, done, failed
from schemas.event import Envelope, ErrorInfo, Kind, Origin
from schemas.headers import envelope_of
from schemas.operator import OperatorAction
from schemas.result import Outcome
from stream.errors import BrokerError
from stream.jobs.operator_log import RELEASED
from stream.ops.alerts import Alert, Alerts
from stream.retry_policy import RetryPolicy
from stream.topics import Topics

TOPICS = Topics()
ERROR = ErrorInfo("permanent", "STRING_TOO_LONG", "too long", ("Name",))


def event(n):
    return Envelope(
        f"e{n}",
        "",
        Kind.ORDER,
        str(n),
        0,
        b"{}",
        origin=Origin("magento.orders", 0, n, 0),
        attempt=1,
    )


def dead(n):
    return failed(
        event(n),
        ERROR,
        1_000,
        Notes(mapping_version="v1"),
        policy=RetryPolicy(TOPICS),
        topics=TOPICS,
        may_retry=False,
    )


@pytest.fixture
def alerts():
    return Alerts()


@pytest.fixture
def now():
    return [1.0]


@pytest.fixture
def stop(alerts, now):
    limit = DeadLetterLimit(events=2, share=0.5, window_seconds=60)
    return DeadLetterStop(limit, TOPICS, alerts, worker="w", clock=lambda: now[0])


def test_the_third_of_one_cause_waits_with_its_attempts_and_its_bytes(stop, alerts):
    outcomes = [stop.pass_on(dead(n)) for n in range(3)]
    assert [o.result.outcome for o in outcomes] == [Outcome.DEAD, Outcome.DEAD, Outcome.PARKED]
    held = outcomes[-1]
    assert held.republish.topic == TOPICS.longest_tier(600) == "salesforce.retry.10m"
    back = envelope_of(
        topic=held.republish.topic,
        partition=0,
        offset=9,
        timestamp_ms=0,
        key=held.republish.key,
        value=held.republish.value,
        headers=held.republish.headers,
    )
    assert (back.event_id, back.attempt, back.origin) == ("e2", 1, event(2).origin)
    assert "orderstream dlq release STRING_TOO_LONG" in alerts.active[Alert.DEAD_LETTERS_STOPPED]


def test_a_release_lets_them_die_and_ends_the_alert(stop, alerts):
    for n in range(3):
        stop.pass_on(dead(n))
    stop.release("STRING_TOO_LONG")
    assert not alerts.active
    assert stop.pass_on(dead(4)).result.outcome is Outcome.DEAD


def test_what_ends_well_is_left_alone_and_counts(stop, alerts):
    good = done(event(1), Outcome.SYNCED, 1_000, Notes())
    assert all(stop.pass_on(good) is good for _ in range(10))
    assert all(stop.pass_on(dead(n)).result.outcome is Outcome.DEAD for n in range(5))


def test_a_cause_that_was_cured_ends_the_alert_without_a_person(stop, alerts, now):
    """The runbook says: correct the org, and what waits is written. The page stayed for ever."""
    for n in range(3):
        stop.pass_on(dead(n))
    wait = TOPICS.tier_delay_ms(TOPICS.longest_tier(600)) / 1000
    for _ in range(4):  # tried again, and still refused
        now[0] += wait + 30
        stop.pass_on(dead(2))
        stop.end_cured()
        assert Alert.DEAD_LETTERS_STOPPED in alerts.active
    now[0] += wait + 30
    stop.pass_on(done(event(2), Outcome.SYNCED, 1_000, Notes()))
    now[0] += 2 * wait
    stop.end_cured()
    assert not alerts.active
    assert stop.pass_on(dead(9)).result.outcome is Outcome.DEAD  # one bad record of a good month


def release_on_record(reader, code, at_s):
    action = OperatorAction(
        action=RELEASED, who="eve", at_ms=at_s * 1000, why="", job_id="", detail={"code": code}
    )
    reader.put(TOPICS.operator_audit, 0, action.to_bytes())
    reader.logs[TOPICS.operator_audit, 0][-1].timestamp = at_s * 1000


@pytest.fixture
def asked(monkeypatch):
    """Yields after each look at the operator log; what happens there is in `reader`."""
    looks = asyncio.Queue()
    reader = Reader()

    class Connection:
        def __init__(self, _settings):
            pass

        async def __aenter__(self):
            looks.put_nowait(None)
            if reader.is_away:
                raise BrokerError("away")
            return reader

        async def __aexit__(self, *_error):
            pass

    reader.is_away = False
    reader.looks = looks
    monkeypatch.setattr(dead_letter_stop, "RangeReader", Connection)
    monkeypatch.setattr(dead_letter_stop, "ASK_EVERY_SECONDS", 0)
    return reader


@pytest.mark.parametrize("is_away_at_first", [False, True])
async def test_a_release_outlives_the_worker_that_did_not_act_upon_it(
    stop, alerts, now, asked, is_away_at_first
):
    """A rollout between the word and the look at it: all waited on, and the page rang again."""
    now[0] = 10_000.0
    release_on_record(asked, "OF_YESTERDAY", 10)
    release_on_record(asked, "STRING_TOO_LONG", 9_500)
    asked.is_away = is_away_at_first
    with structlog.testing.capture_logs() as logs:
        following = asyncio.create_task(stop.follow_releases(SETTINGS))
        await asked.looks.get()
        asked.is_away = False
        while not any(line["event"] == "dead_letters_released" for line in logs):
            await asyncio.sleep(0)
        outcomes = [stop.pass_on(dead(n)).result.outcome for n in range(9)]
        following.cancel()
    assert set(outcomes) == {Outcome.DEAD}
    assert not alerts.active
    assert [line["code"] for line in logs if "code" in line] == ["STRING_TOO_LONG"]
