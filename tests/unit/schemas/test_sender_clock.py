"""A sender's time is believed as far as our receipt allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sender_clock import Clock, sender_time, utc_text

RECEIVED = datetime(2026, 3, 14, 18, 2, 15, tzinfo=UTC)
RECEIVED_MS = int(RECEIVED.timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "version", "clock"),
    [
        ("2026-03-14 18:02:15", "2026-03-14 18:02:15", Clock.GOOD),
        ("2026-03-14T18:02:15", "2026-03-14 18:02:15", Clock.GOOD),
        ("2026-03-14T18:02:15Z", "2026-03-14 18:02:15", Clock.GOOD),
        ("2026-03-14T18:02:15.250Z", "2026-03-14 18:02:15.25", Clock.GOOD),
        ("2026-03-14 18:02:15.000000", "2026-03-14 18:02:15", Clock.GOOD),
        ("2026-03-14 18:02:15.250000", "2026-03-14 18:02:15.25", Clock.GOOD),
        ("2026-03-14T20:02:15+02:00", "2026-03-14 18:02:15", Clock.GOOD),
        ("2026-03-14T20:02:15+0200", "2026-03-14 18:02:15", Clock.GOOD),
        ("2019-03-14 18:02:15", "2019-03-14 18:02:15", Clock.GOOD),
        ("2026-03-14 18:07:15", "2026-03-14 18:07:15", Clock.GOOD),
        ("2026-03-14 18:07:16", "2026-03-14 18:02:15", Clock.AHEAD),
        ("2026-03-14 18:13:00", "2026-03-14 18:02:15", Clock.AHEAD),
        ("2026-03-15 02:02:10", "2026-03-14 18:02:10", Clock.ZONE),
        ("2026-03-14 23:47:12", "2026-03-14 18:02:12", Clock.ZONE),
        ("2026-03-16 18:02:15", "2026-03-14 18:02:15", Clock.AHEAD),
        ("2099-01-01 00:00:00", "2026-03-14 18:02:15", Clock.AHEAD),
        ("2026-99-99 99:99:99", "", Clock.UNREADABLE),
        ("0000-00-00 00:00:00", "", Clock.UNREADABLE),
        ("1970-01-01 00:00:00", "", Clock.UNREADABLE),
        ("yesterday", "", Clock.UNREADABLE),
        ("", "", Clock.UNDATED),
    ],
)
def test_a_time_counts_as_far_as_it_can_be_true(text, version, clock):
    read = sender_time(text, RECEIVED_MS)
    assert (read.version, read.clock) == (version, clock)
    assert bool(read.note) is (clock not in (Clock.GOOD, Clock.UNDATED))


@given(st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001 - the sender's, UTC
def test_nothing_counts_as_later_than_its_receipt_and_the_tolerance(moment):
    version = sender_time(moment.strftime("%Y-%m-%d %H:%M:%S"), RECEIVED_MS).version
    assert version <= utc_text(RECEIVED_MS + 300_000)


@given(st.integers(60, 3_000), st.integers(4, 56), st.integers(0, 4))
def test_two_saves_of_a_clock_in_another_zone_keep_their_order(between, quarters, delay):
    zone = timedelta(minutes=15 * quarters)
    first, second = RECEIVED, RECEIVED + timedelta(seconds=between)

    def read(saved: datetime) -> str:
        received_ms = int((saved + timedelta(seconds=delay)).timestamp() * 1000)
        return sender_time((saved + zone).strftime("%Y-%m-%d %H:%M:%S"), received_ms).version

    assert read(first) < read(second)
