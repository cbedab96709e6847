"""Points in time and durations as people type them: `2026-11-25T10:00`, `15m`, `2h ago`, `now`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.sender_clock import LATEST_MS

DURATION = re.compile(r"^\s*((?:\d+(?:\.\d+)?\s*(?:ms|s|m|h|d|w)\s*)+)(ago)?\s*$")
PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
EPOCH_MS = re.compile(r"^\d{13}$")
EPOCH_SECONDS = re.compile(r"^\d{10}$")

FORMS = "write 2026-11-25T10:00 (UTC unless it has an offset), 15m, `2h ago`, today or now"


EARLIEST_MS = 0  # to LATEST_MS: whoever types another time has mistyped


def parse_when(text: str, *, now_ms: int) -> int:
    """Return unix milliseconds. A duration means that long ago; raises ValueError with the forms.

    Times without an offset are UTC, as everything in the topics is.
    """
    try:
        moment_ms = _parsed_when(text, now_ms)
    except OverflowError:
        moment_ms = LATEST_MS + 1
    if not EARLIEST_MS <= moment_ms <= LATEST_MS:
        raise ValueError(f"{text[:40]!r} is before 1970 or after 9999: {FORMS}")
    return moment_ms


def _parsed_when(text: str, now_ms: int) -> int:
    cleaned = text.strip()
    if cleaned == "now":
        return now_ms
    if cleaned == "today":
        return now_ms - now_ms % UNIT_MS["d"]
    if EPOCH_MS.match(cleaned):
        return int(cleaned)
    if EPOCH_SECONDS.match(cleaned):
        return int(cleaned) * 1000
    if DURATION.match(cleaned):
        return now_ms - parse_duration_ms(cleaned.removesuffix("ago"))
    try:
        moment = datetime.fromisoformat(cleaned)
    except ValueError:
        raise ValueError(f"{text!r} is not a time: {FORMS}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def parse_duration_ms(text: str) -> int:
    """Return milliseconds of `90s`, `15m`, `1h30m`, `2d`; a bare number is seconds."""
    cleaned = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", cleaned):
        return round(float(cleaned) * 1000)
    if not DURATION.match(cleaned) or cleaned.endswith("ago"):
        raise ValueError(f"{text!r} is not a duration: write 90s, 15m, 1h30m or 2d")
    return round(sum(float(count) * UNIT_MS[unit] for count, unit in PART.findall(cleaned)))


def show_time(at_ms: int | None) -> str:
    """Return a UTC time to the second, `-` for none; the number where no calendar has the time.

    Times come from clocks and from headers that somebody else may have written.
    """
    if at_ms is None:
        return "-"
    if not EARLIEST_MS <= at_ms <= LATEST_MS:
        return f"{at_ms} ms"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def show_seconds(seconds: float | None) -> str:
    """Return a duration in its two largest units: `3d 4h`, `2m 5s`, `0.4s`; `-` for none."""
    if seconds is None:
        return "-"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"  # noqa: PLR2004 - digits
    parts, rest = [], int(seconds)
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        if rest >= size:
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return " ".join(parts[:2])
