"""What is shown for a dead letter is what judged it, and never that it goes on by itself."""

from __future__ import annotations

import pytest

from agents.delivery.types import RefusedWrite
from agents.handling.outcome import Notes, error_of, failed
from agents.handling.outcome_rules import may_retry
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_table import BY_CODE, GOVERNOR_LIMIT
from agents.salesforce.errors.errors import classify
from agents.salesforce.errors.fixes import dead_letter_advice
from schemas.event import Envelope, Kind, Origin
from schemas.headers import envelope_of, headers_of
from stream.retry_policy import RetryPolicy
from stream.topics import Topics


def test_the_status_and_the_rule_of_a_refusal_go_with_the_letter():
    refused = RefusedWrite(ErrorKind.CONFIG, "ODD", "x", status=410, rule="HTTP_410")
    sent = Envelope("id", "e", Kind.ORDER, "k", 1, b"{}", error=error_of(refused))
    read = envelope_of(
        topic="t",
        partition=0,
        offset=0,
        timestamp_ms=1,
        key=b"k",
        value=b"{}",
        headers=headers_of(sent),
    )
    assert read.error == sent.error
    assert read.error
    assert (read.error.status, read.error.rule) == (410, "HTTP_410")


def test_a_letter_of_a_refused_call_is_explained_by_its_status():
    assert "version" in dead_letter_advice("HTTP_410", "", status=410).fix
    assert "StatusCode" in dead_letter_advice("HTTP_410", "").fix


def test_a_nested_code_explains_its_wrapper_though_the_message_is_masked():
    advised = dead_letter_advice("APEX_ERROR", "***", status=200, rule="UNABLE_TO_LOCK_ROW")
    assert advised.meaning == BY_CODE["UNABLE_TO_LOCK_ROW"].meaning


def test_a_long_message_keeps_its_cause_and_is_masked_before_it_is_cut():
    told = "x" * 240 + " Mustermann " + "y" * 600 + " UNABLE_TO_LOCK_ROW"
    body = b'{"order": {"increment_id": "1", "customer_lastname": "Mustermann"}}'
    origin = Origin("magento.orders", 0, 1, 0)
    envelope = Envelope("id", "e", Kind.ORDER, "1", 1, body, origin=origin)
    topics = Topics()
    decision = failed(
        envelope,
        error_of(RefusedWrite(ErrorKind.PERMANENT, "APEX_ERROR", told)),
        1,
        Notes(),
        policy=RetryPolicy(topics),
        topics=topics,
        may_retry=False,
    )
    kept = decision.result.error_message
    assert kept.endswith("UNABLE_TO_LOCK_ROW")
    assert len(kept) < len(told)
    assert "Muster" not in kept


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_no_dead_letter_says_that_it_goes_on_by_itself(code):
    fix = dead_letter_advice(code, "x", status=200, rule=code).fix
    assert "by itself" not in fix
    assert "Nothing to do" not in fix
    assert fix.endswith("Then `orderstream dlq requeue`.")


def test_the_governor_limit_of_a_wrapper_is_named():
    message = "System.LimitException: zu viele SOQL-Abfragen"
    assert classify(200, "APEX_ERROR", message).meaning == GOVERNOR_LIMIT.meaning


@pytest.mark.parametrize(
    ("kind", "is_unproven", "attempt", "is_retried"),
    [
        (ErrorKind.UNKNOWN, False, 0, True),
        (ErrorKind.UNKNOWN, False, 1, False),
        (ErrorKind.PERMANENT, False, 0, False),
        (ErrorKind.PERMANENT, True, 1, True),
        (ErrorKind.PERMANENT, True, 2, False),
        (ErrorKind.CONFIG, False, 0, True),
        (ErrorKind.LOCK, False, 3, True),
    ],
)
def test_an_unknown_code_is_tried_once_more_and_what_is_not_proven_twice(
    kind, is_unproven, attempt, is_retried
):
    refused = RefusedWrite(kind, "X", "x", is_unproven=is_unproven)
    assert may_retry(refused, attempt) is is_retried
