"""The lines a worker leaves of its work."""

from __future__ import annotations

import orjson
from structlog.testing import capture_logs

from agents.handling.outcome import Notes, done, failed
from agents.worker.batch_log import log_batch, log_successes
from schemas.event import Envelope, ErrorInfo, Kind, Origin
from schemas.result import Outcome
from stream.retry_policy import RetryPolicy
from stream.topics import Topics

TOPICS = Topics()
ORDER = {"order": {"increment_id": "000000007", "customer_lastname": "Rumpel"}}


def an_event(offset: int, *, attempt: int = 0) -> Envelope:
    return Envelope(
        event_id=f"event-{offset}",
        event="sales_order_save_after",
        kind=Kind.ORDER,
        key="000000007",
        received_at_ms=1_000,
        value=orjson.dumps(ORDER),
        origin=Origin(TOPICS.orders, 3, offset, 1_000),
        attempt=attempt,
    )


def refused(envelope: Envelope, *, may_retry: bool):
    error = ErrorInfo("lock", "UNABLE_TO_LOCK_ROW", "row of Rumpel is locked", ("Id",))
    return failed(
        envelope,
        error,
        5_000,
        Notes(reason="row of Rumpel is locked"),
        policy=RetryPolicy(TOPICS),
        topics=TOPICS,
        may_retry=may_retry,
    )


def test_a_failed_event_is_one_wide_line_and_a_batch_another() -> None:
    events = [an_event(4), an_event(9, attempt=1), an_event(6)]
    decisions = [
        refused(events[0], may_retry=False),
        refused(events[1], may_retry=True),
        done(events[2], Outcome.SYNCED, 3_000, Notes()),
    ]
    with capture_logs() as lines:
        log_batch(events, decisions, seconds=0.25)
    dead, retried, batch = lines
    assert (dead["event"], dead["outcome"], dead["tier"]) == (
        "record_failed",
        "dead",
        TOPICS.dead_letters,
    )
    assert (dead["event_id"], dead["key"], dead["code"], dead["fields"]) == (
        *("event-4", "000000007", "UNABLE_TO_LOCK_ROW"),
        ["Id"],
    )
    assert (retried["tier"], retried["attempt"]) == (TOPICS.retry_tiers[1], 2)
    assert batch["offsets"] == {"magento.orders/3": [4, 9]}
    assert (batch["events"], batch["orders"], batch["attempts_before"]) == (3, 1, 1)
    assert (batch["dead"], batch["retry"], batch["synced"]) == (1, 1, 1)
    assert batch["oldest_seconds"] == 4.0


def test_salesforces_message_is_kept_without_the_person_it_quotes() -> None:
    decision = refused(an_event(1), may_retry=False)
    assert decision.result.error_message == decision.result.reason == "row of *** is locked"
    headers = dict(decision.republish.headers)
    assert headers["error-message"] == b"row of *** is locked"
    assert b"Rumpel" in decision.republish.value  # the bytes themselves are never touched


def test_a_success_is_logged_with_its_record_ids() -> None:
    written = done(an_event(4), Outcome.SYNCED, 3_000, Notes(ids={"Opportunity": "006X"}))
    with capture_logs() as lines:
        log_successes([written, refused(an_event(5), may_retry=True)])
    (line,) = lines
    assert (line["event"], line["salesforce_ids"]) == ("record_synced", {"Opportunity": "006X"})
