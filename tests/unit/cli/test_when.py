"""Times and durations as people type them."""

from __future__ import annotations

import pytest

from stream.times import parse_duration_ms, parse_when, show_seconds, show_time

NOW = 1_795_600_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("15m", NOW - 900_000),
        ("2h ago", NOW - 7_200_000),
        ("1h30m", NOW - 5_400_000),
        ("3 d ago", NOW - 3 * 86_400_000),
        ("today", NOW - NOW % 86_400_000),
        ("2026-11-25", 1_795_564_800_000),
        ("2026-11-25T10:00", 1_795_600_800_000),
        ("2026-11-25T10:00:00Z", 1_795_600_800_000),
        ("2026-11-25 12:00+02:00", 1_795_600_800_000),
        ("1795600800", 1_795_600_800_000),
        ("1795600800123", 1_795_600_800_123),
    ],
)
def test_a_time_is_understood(text, expected):
    assert parse_when(text, now_ms=NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday-ish",
        "15",
        "15x",
        "2026-13-01",
        "m15",
        "99999999999999d",
        "9" * 400 + "d",
        "0001-01-01",
    ],
)
def test_what_is_no_time_says_how_to_write_one(text):
    with pytest.raises(ValueError, match=r"write 2026-11-25T10:00"):
        parse_when(text, now_ms=NOW)


def test_durations():
    assert parse_duration_ms("90") == 90_000
    assert parse_duration_ms("1h30m") == 5_400_000
    with pytest.raises(ValueError, match="write 90s"):
        parse_duration_ms("2h ago")


def test_durations_are_shown_in_two_units():
    shown = [show_seconds(s) for s in (None, 0.42, 59, 125, 7200, 93_600)]
    assert shown == ["-", "0.4s", "59s", "2m 5s", "2h", "1d 2h"]
    assert show_time(1_795_600_800_000) == "2026-11-25 10:00:00"


@pytest.mark.parametrize("at_ms", [-(2**63), -1, 10**16, 2**63 - 1])
def test_a_time_that_no_calendar_has_ends_no_list(at_ms):
    """A header or a clock said so: the letter, and those beside it, are listed all the same."""
    assert show_time(at_ms) == f"{at_ms} ms"
