"""Nothing of an envelope is lost on its way through Kafka headers, and nothing there can raise."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.event import (
    Envelope,
    ErrorInfo,
    Kind,
    Origin,
    Via,
    event_id_time_ms,
    new_event_id,
)
from schemas.headers import MAX_MESSAGE_CHARACTERS, envelope_of, event_id_in, headers_of
from schemas.result import Outcome, read_result, result_of
from schemas.sender_clock import LATEST_MS

WORDS = st.text(st.characters(codec="utf-8", exclude_characters=","), max_size=40)
NUMBERS = st.integers(min_value=1, max_value=2**53)
TIMES = st.integers(min_value=1, max_value=LATEST_MS)
ORIGINS = st.builds(
    Origin,
    topic=WORDS.filter(bool),
    partition=st.integers(0, 99),
    offset=NUMBERS,
    timestamp_ms=NUMBERS,
)
ERRORS = st.builds(
    ErrorInfo,
    kind=WORDS.filter(bool),
    code=WORDS.filter(bool),
    message=WORDS,
    fields=st.lists(WORDS.filter(bool), max_size=3).map(tuple),
)
ENVELOPES = st.builds(
    Envelope,
    event_id=WORDS.filter(bool),
    event=WORDS,
    kind=st.sampled_from(Kind),
    key=WORDS,
    received_at_ms=TIMES,
    value=st.binary(max_size=50),
    sender=WORDS,
    signature_key=WORDS,
    via=st.sampled_from(Via),
    origin=ORIGINS,
    attempt=st.integers(0, 99),
    first_failed_at_ms=st.none() | NUMBERS,
    not_before_ms=st.none() | NUMBERS,
    error=st.none() | ERRORS,
    mapping_version=WORDS,
    job_id=WORDS,
    is_forced=st.booleans(),
)


@given(ENVELOPES)
def test_an_envelope_comes_back_as_it_went(envelope):
    back = envelope_of(
        topic="any",
        partition=envelope.origin.partition,
        offset=1,
        timestamp_ms=1,
        key=envelope.key.encode(),
        value=envelope.value,
        headers=headers_of(envelope),
    )
    assert back == envelope


@pytest.mark.parametrize(
    "said",
    [
        {"origin": Origin("first", 1, 7, 8)},
        {"attempt": 1},
        {"first_failed_at_ms": 5},
        {"not_before_ms": 5},
        {"error": ErrorInfo("transient", "", "")},
        {"error": ErrorInfo("", "UNABLE_TO_LOCK_ROW", "")},
        {"parked_for": "a"},
        {"mapping_version": "a"},
        {"job_id": "a"},
        {"is_forced": True},
        {"edited_at_ms": 5},
        {"edited_at_ms": 5, "corrects": "a"},
        {"operator_signature": "a"},
        {"traceparent": "a"},
        {},
    ],
    ids=lambda said: " ".join(said) or "nothing",
)
def test_what_is_said_alone_comes_back_too(said) -> None:
    """Of a record without a story none is looked for."""
    envelope = replace(PLAIN, **said)
    back = envelope_of(
        topic="here",
        partition=1,
        offset=2,
        timestamp_ms=3,
        key=b"1",
        value=b"{}",
        headers=headers_of(replace(envelope, origin=said.get("origin"))),
    )
    assert back == envelope


PLAIN = Envelope("e", "saved", Kind.ORDER, "1", 9, b"{}", origin=Origin("here", 1, 2, 3))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["attempt", "origin-offset", "kind", "via", "x"]),
            st.binary(max_size=20),
        ),
        max_size=8,
    ),
    st.none() | st.binary(max_size=10),
)
def test_somebody_elses_record_never_raises(headers, key):
    envelope = envelope_of(
        topic="magento.orders",
        partition=1,
        offset=2,
        timestamp_ms=3,
        key=key,
        value=None,
        headers=headers,
    )
    assert envelope.event_id == "magento.orders-1-2"
    assert envelope.origin is not None


NUMBERS_OF_ANYBODY = st.one_of(
    st.integers(-(10**30), 10**30).map(lambda number: b"%d" % number), st.binary(max_size=4)
)
NAMES = ("event-id", "kind", "received-at-ms", "attempt", "not-before-ms")
OF_ORIGIN = ("origin-topic", "origin-partition", "origin-offset", "origin-timestamp-ms")
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(NAMES + OF_ORIGIN),
        st.one_of(NUMBERS_OF_ANYBODY, st.sampled_from([b"order", b"e", b"1", None])),
    )
)


def of_anybody(headers):
    return envelope_of(
        topic="salesforce.due",
        partition=1,
        offset=2,
        timestamp_ms=3,
        key=b"1",
        value=None,
        headers=headers,
    )


@given(HEADERS)
def test_whatever_headers_say_an_outcome_can_be_written_beside_the_record(headers):
    """A worker that cannot write one waits for ever, and so does whoever takes its place."""
    envelope = of_anybody(headers)
    result = result_of(envelope, Outcome.DEAD, at_ms=10, not_before_ms=envelope.not_before_ms)
    read = read_result(result.to_bytes())
    assert read["origin_partition"] == 1
    assert headers_of(envelope)


@given(HEADERS)
def test_who_counts_events_finds_the_id_that_workers_find(headers):
    assert (event_id_in(headers) or "salesforce.due-1-2") == of_anybody(headers).event_id


def test_a_huge_error_message_is_cut_so_that_a_dead_letter_always_fits():
    envelope = Envelope(
        event_id="e",
        event="",
        kind=Kind.ORDER,
        key="1",
        received_at_ms=1,
        value=b"",
        error=ErrorInfo("permanent", "X", "y" * 1_000_000),
    )
    assert sum(len(value) for _, value in headers_of(envelope)) < MAX_MESSAGE_CHARACTERS + 500


@given(st.integers(0, 2**48 - 1))
def test_an_event_id_carries_its_time(now_ms):
    assert event_id_time_ms(new_event_id(now_ms)) == now_ms


@given(st.text(max_size=40))
def test_any_other_text_has_no_time(text):
    assert event_id_time_ms(text) is None or len(text.replace("-", "")) == 32


def test_event_ids_differ():
    assert len({new_event_id(1) for _ in range(1000)}) == 1000
