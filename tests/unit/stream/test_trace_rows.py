"""One row from one record: every topic, every step, and records that are not ours."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.event import Envelope, ErrorInfo, Kind, Origin, Via
from schemas.headers import headers_of
from schemas.operator import Mark, Resolution
from schemas.result import Outcome, result_of
from stream.audit.trace_rows import TraceStep, rows_of
from stream.topics import Topics

TOPICS = Topics("pre.")
ENVELOPE = Envelope(
    event_id="e1",
    event="sales_order_save_after",
    kind=Kind.ORDER,
    key="7",
    received_at_ms=900,
    value=b"{}",
    sender="hmac",
    signature_key="2",
    origin=Origin(TOPICS.orders, 1, 5, 900),
)


def record(topic, value=b"{}", headers=()):
    return SimpleNamespace(
        topic=topic,
        partition=1,
        offset=5,
        timestamp=1000,
        key=b"7",
        value=value,
        headers=tuple(headers),
    )


def row(topic, **changes):
    from dataclasses import replace

    envelope = replace(ENVELOPE, **changes)
    (read,) = rows_of(record(topic, headers=headers_of(envelope)), TOPICS)
    return read


@pytest.mark.parametrize(
    ("topic", "changes", "step"),
    [
        (TOPICS.orders, {}, TraceStep.DELIVERED),
        (TOPICS.retry_tiers[2], {"attempt": 3}, TraceStep.WAITS),
        (TOPICS.settle, {}, TraceStep.SETTLES),
        (TOPICS.due, {"attempt": 1}, TraceStep.DUE),
        (TOPICS.due, {"via": Via.REPLAY, "job_id": "j"}, TraceStep.REPLAYED),
        (TOPICS.due, {"via": Via.REQUEUE, "job_id": "j"}, TraceStep.REQUEUED),
        (TOPICS.due, {"via": Via.REQUEUE, "job_id": "j", "attempt": 1}, TraceStep.DUE),
        (TOPICS.dead_letters, {"attempt": 5}, TraceStep.DEAD_LETTER),
    ],
)
def test_the_topic_and_the_headers_tell_the_step(topic, changes, step):
    assert row(topic, **changes).step is step


def test_a_delivery_tells_sender_and_signature_key():
    read = row(TOPICS.orders)
    assert (read.more["sender"], read.more["signature_key"]) == ("hmac", "2")
    assert read.place == "pre.magento.orders/1@5"


def test_a_dead_letter_tells_code_fields_and_message():
    read = row(TOPICS.dead_letters, error=ErrorInfo("permanent", "TOO_LONG", "Name: 81", ("Name",)))
    assert read.text == "TOO_LONG [Name]: Name: 81"


def test_an_outcome_tells_ids_and_what_was_new():
    result = result_of(
        ENVELOPE,
        Outcome.SYNCED,
        at_ms=1000,
        salesforce_ids={"Account": "001", "Opportunity": "006"},
        created=["Opportunity"],
        notes=["Name was cut"],
    )
    (read,) = rows_of(record(TOPICS.results, result.to_bytes()), TOPICS)
    assert (read.outcome, read.event_id) == ("synced", "e1")
    assert read.text == "Account 001; Opportunity 006 (new); Name was cut"


def test_a_mark_is_told_for_the_keys_own_letters_only():
    mark = Mark(Resolution.DROPPED, (3, 4), at_ms=1, who="ann@desk", why="test order")
    marked = record(TOPICS.dead_letters, mark.to_bytes(), mark.headers)
    (read,) = rows_of(marked, TOPICS, buried=[4, 9])
    assert (read.step, read.text) == (TraceStep.RESOLVED, "dropped by ann@desk: test order")
    assert rows_of(marked, TOPICS, buried=[]) == []


@given(st.binary(max_size=100) | st.none(), st.sampled_from([s.name for s in TOPICS.specs()]))
def test_any_record_of_any_topic_gives_rows(value, topic):
    assert rows_of(record(topic, value), TOPICS)
