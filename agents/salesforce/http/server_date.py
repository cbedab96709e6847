"""The Date header of an answer: what time it is where it came from, and how far off our clock is.

A login's assertion is refused when the clocks differ by minutes; anything below a minute is the
way of the answer and a clock that is being set.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

SKEW_SECONDS = 60.0


def unix_seconds(text: str) -> float | None:
    """Return the time of an HTTP date; None when it is none. HTTP dates are in UTC."""
    try:
        told = parsedate_to_datetime(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def seconds_ahead(server_date: str, now_unix_seconds: float) -> float | None:
    """Return how far our clock is ahead of a Date header; None when it tells no time."""
    then = unix_seconds(server_date)
    return None if then is None else now_unix_seconds - then


def is_wrong(ahead_seconds: float) -> bool:
    """Whether clocks differ by so much that a login can fail of it."""
    return abs(ahead_seconds) >= SKEW_SECONDS
