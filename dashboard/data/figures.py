"""Figures as people read them."""

from __future__ import annotations

import math

from stream.times import show_seconds

UNKNOWN = "—"


def show_count(value: float | None) -> str:
    """Return 12,345; a dash for what is not known."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def show_rate(per_second: float | None) -> str:
    """Return events per second with the digits that matter."""
    if per_second is None:
        return UNKNOWN
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.1f}"  # noqa: PLR2004 - digits


def show_span(seconds: float | None) -> str:
    """Return a duration, `never` for an endless one."""
    if seconds is None:
        return UNKNOWN
    if math.isinf(seconds):
        return "never"
    return "0s" if seconds == 0 else show_seconds(seconds)


def show_counted(count: int, noun: str) -> str:
    """Return `1 letter`, `2 letters`."""
    return f"{show_count(count)} {noun}{'' if count == 1 else 's'}"
