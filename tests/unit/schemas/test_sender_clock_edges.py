"""A sender's time at each bound, what a result says of it, and PHP's way to write one."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sender_clock import (
    LATEST_MS,
    Clock,
    SenderTime,
    date_object,
    is_plain_time,
    plain_time,
    sender_time,
    utc_text,
)

RECEIVED = "2026-03-14 18:02:15"
RECEIVED_MS = int(datetime(2026, 3, 14, 18, 2, 15, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "version", "clock"),
    [
        ("2026-03-14 18:47:15", RECEIVED, Clock.AHEAD),  # three quarters of an hour: no zone
        ("2026-03-14 19:02:15", RECEIVED, Clock.ZONE),  # UTC+1, the nearest
        ("2026-03-14 19:07:15.5", "2026-03-14 18:07:15.5", Clock.ZONE),
        ("2026-03-14 18:57:15", "2026-03-14 17:57:15", Clock.ZONE),
        ("2026-03-14 19:07:16", RECEIVED, Clock.AHEAD),
        ("2026-03-14 18:57:14.5", RECEIVED, Clock.AHEAD),
        ("2026-03-15 08:02:15", RECEIVED, Clock.ZONE),  # UTC+14, the farthest
        ("2026-03-15 08:17:15", RECEIVED, Clock.AHEAD),
        (" 2026-03-14 18:02:15\n", RECEIVED, Clock.GOOD),
        ("2026-03-14 18:02:15.000000", RECEIVED, Clock.GOOD),  # no later than without
        ("2026-03-14 18:02:14.250000", "2026-03-14 18:02:14.25", Clock.GOOD),
        ("2000-01-01 00:00:00", "2000-01-01 00:00:00", Clock.GOOD),
        ("1999-12-31 23:59:59", "", Clock.UNREADABLE),
        ("1999-12-31T23:00:00-02:00", "2000-01-01 01:00:00", Clock.GOOD),
        ("0001-01-01T00:00:00+14:00", "", Clock.UNREADABLE),
        (" ", "", Clock.UNDATED),
    ],
)
def test_a_time_at_a_bound(text, version, clock) -> None:
    read = sender_time(text, RECEIVED_MS)
    assert (read.version, read.clock) == (version, clock)


@given(st.integers(-LATEST_MS // 5, LATEST_MS))
def test_a_time_as_text_is_what_the_calendar_says(at_ms) -> None:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC).replace(tzinfo=None)
    assert utc_text(at_ms) == moment.isoformat(" ", "seconds")


@given(st.datetimes(datetime(2000, 1, 1), datetime(2026, 1, 1)))  # noqa: DTZ001 - UTC, unsaid
def test_a_plain_time_is_claimed_as_it_is_written(moment) -> None:
    text = moment.isoformat(" ", "seconds")
    read = sender_time(text, RECEIVED_MS)
    assert (read.version, read.claimed) == (text, text)
    assert sender_time(text.replace(" ", "T"), RECEIVED_MS) == read
    assert sender_time(f"{text}Z", RECEIVED_MS) == read


def test_without_a_time_of_receipt_nothing_bounds_it() -> None:
    read = sender_time("2099-01-01 00:00:00.5", 0)
    assert read == SenderTime("2099-01-01 00:00:00.5", Clock.GOOD, "2099-01-01 00:00:00")
    assert sender_time("2099-01-01 00:00:00", 1).clock is Clock.AHEAD
    assert sender_time("", 0) == SenderTime("", Clock.UNDATED, claimed="")


def test_the_tolerance_is_the_callers() -> None:
    text = "2026-03-14 18:02:25"
    assert sender_time(text, RECEIVED_MS, tolerance_seconds=10).clock is Clock.GOOD
    assert sender_time(text, RECEIVED_MS, tolerance_seconds=9).clock is Clock.AHEAD


def test_a_result_says_what_was_claimed_and_what_it_counts_as() -> None:
    zone = sender_time("2026-03-14 19:02:15", RECEIVED_MS).note
    assert zone.startswith("updated_at 2026-03-14 19:02:15 is after its receipt by a whole time")
    assert zone.endswith(f"counted as {RECEIVED} UTC")
    ahead = sender_time("2099-01-01 00:00:00", RECEIVED_MS).note
    assert ahead == f"updated_at 2099-01-01 00:00:00 is after its receipt: counted as {RECEIVED}"
    assert sender_time("x", RECEIVED_MS).note.startswith("updated_at is no date")
    assert sender_time(RECEIVED, RECEIVED_MS).note == sender_time("", RECEIVED_MS).note == ""


@pytest.mark.parametrize(
    ("date", "zone", "text"),
    [
        ("2026-07-01 12:00:00.000000", "UTC", "2026-07-01 12:00:00"),
        ("2026-07-01 12:00:00", "utc", "2026-07-01 12:00:00"),
        ("2026-07-01 12:00:00", "Z", "2026-07-01 12:00:00"),
        ("2026-07-01 12:00:00.25", "Europe/Berlin", "2026-07-01 10:00:00.25"),
        ("2026-01-01 12:00:00", "Europe/Berlin", "2026-01-01 11:00:00"),
        ("2026-07-01 12:00:00", "+02:00", "2026-07-01 10:00:00"),
        ("2026-07-01 12:00:00", "-05:00", "2026-07-01 17:00:00"),
        ("2026-07-01 12:00:00", "Nowhere/City", ""),
        ("2026-07-01 12:00:00", "../etc", ""),
        ("2026-07-01 12:00:00", "", ""),
        ("yesterday", "UTC", ""),
        (None, None, ""),
    ],
)
def test_a_date_object_of_php_is_read_in_its_zone(date, zone, text) -> None:
    assert date_object({"date": date, "timezone_type": 3, "timezone": zone}) == text


def test_in_the_hour_that_autumn_has_twice_the_later_save_is_the_later_one() -> None:
    versions = []
    for local, received in (("02:50:00", "00:50:01"), ("02:10:00", "01:10:01")):
        php = {"date": f"2026-10-25 {local}.000000", "timezone": "Europe/Berlin"}
        at = datetime.fromisoformat(f"2026-10-25 {received}Z")
        versions.append(sender_time(date_object(php), int(at.timestamp() * 1000)).version)
    assert versions == ["2026-10-25 00:50:00", "2026-10-25 01:10:00"]


def test_a_date_object_without_its_parts_is_no_date() -> None:
    assert date_object({}) == date_object({"date": "2026-07-01 12:00:00"}) == ""
    assert date_object({"timezone": "UTC"}) == ""


def test_the_zone_of_this_machine_changes_no_time() -> None:
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TZ", "Asia/Tokyo")
            time.tzset()
            zoned = sender_time("2026-03-14T19:02:15+01:00", RECEIVED_MS)  # asked for once
            php = date_object({"date": "2026-03-14 19:02:15", "timezone": "Europe/Berlin"})
            assert zoned == SenderTime(RECEIVED, Clock.GOOD, RECEIVED)
            assert php == utc_text(RECEIVED_MS) == RECEIVED
    finally:
        time.tzset()


def test_the_text_of_a_moment_is_to_the_second() -> None:
    assert utc_text(RECEIVED_MS + 999) == RECEIVED


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2026-03-14 18:02", "2026-03-14 18:02:00"),
        ("2026-03-14T18:02:15,25", "2026-03-14 18:02:15.25"),
        ("2026-03-14 18:02:15.5 UTC", "2026-03-14 18:02:15.5Z"),
        ("2026-03-14 18:02:15 gmt", "2026-03-14 18:02:15Z"),
        ("2026-03-14t18:02:15z", "2026-03-14 18:02:15Z"),
        ("2026-03-14 18:02:15+01", "2026-03-14 18:02:15+01:00"),
        ("2026-03-14 18:02:15-0530", "2026-03-14 18:02:15-0530"),
        ("2026-03-14 18:02:15-05:30", "2026-03-14 18:02:15-05:30"),
        (" 2026-03-14 18:02:15\u200e", RECEIVED),
        (RECEIVED_MS // 1000, RECEIVED),
        (RECEIVED_MS, RECEIVED),
        (str(RECEIVED_MS), RECEIVED),
        (RECEIVED_MS / 1000 + 0.75, RECEIVED),
        ([RECEIVED], RECEIVED),
        ([RECEIVED, RECEIVED], ""),
        ([], ""),
        ({"$date": RECEIVED}, RECEIVED),
        ({"$date": None, "value": RECEIVED_MS}, RECEIVED),
        ({"value": [RECEIVED]}, RECEIVED),
        ({"date": "2026-03-14 20:02:15", "timezone": "+02:00"}, RECEIVED),
        ({"date": RECEIVED, "timezone": "UTC", "value": {"n": 1}}, RECEIVED),
        ({}, ""),
        (float("inf"), ""),
        (float("nan"), ""),
        (123_456_789, ""),
        ("12345678901", ""),
        ("2026-03-14", ""),
        ("yesterday", ""),
        (True, ""),
        (None, ""),
    ],
)
def test_a_time_in_another_form_is_written_as_magento_writes_it(value, text) -> None:
    assert plain_time(value) == text


def test_a_time_as_magento_writes_it_is_left_alone_and_so_is_none() -> None:
    assert all(map(is_plain_time, (None, RECEIVED, "2026-03-14T18:02:15.25+01:00")))
    assert not any(map(is_plain_time, ("", "2026-03-14", f"{RECEIVED} UTC", 7, [RECEIVED])))
    assert not is_plain_time("٢٠٢٦-٠٣-٢٢ ٢٢:٠٢:٢٢")
