"""A sender's clock, bounded by ours: what time may a document say it was saved at? Pure.

`updated_at` is the only order Magento gives, and stores send it in local time, years ahead, or as
no date at all. Nothing can be saved after it was received, so our receipt bounds it.

| the document says | it counts as saved |
|---|---|
| a time up to the tolerance after its receipt | then |
| a time a whole zone ahead (1 to 14 h, in quarters) | then, less the zone |
| any other time after its receipt | at its receipt |
| something that is no date, or before 2000 | undated |
| nothing | undated |

A time before its receipt is believed: an old save comes late, too. Only that all of a sender's are
late by one time tells of its clock, and `agents/handling/late_senders.py` looks for that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum, auto
from functools import lru_cache
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.email import seen
from schemas.frozen import dataclass
from schemas.texts import text_of

TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
# What programs write besides: no seconds, a comma, a named zone.
LOOSE = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
# Since 1970: seconds, milliseconds, and microseconds as Debezium has them; PHP's microtime(true).
SINCE_EPOCH = re.compile(r"(\d{10})(\d{3})?(?:\d{3})?(?:\.\d+)?")
LATEST_MS = 253_402_300_799_999  # the last that a calendar has
FIRST_YEAR = 2000  # Magento is of 2008; an epoch or a zero date is a default somebody left there
TOLERANCE_SECONDS = 300.0
# An event's time is asked for at its intake, and again for each of its rows; a text that is much
# longer than a time would only fill the memory.
REMEMBERED, LONGEST_REMEMBERED = 2048, 64
PLAIN = "YYYY-MM-DD HH:MM:SS"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
QUARTER = timedelta(minutes=15)
NEAREST_ZONE, FARTHEST_ZONE = 4, 56  # quarters of an hour: UTC+1 to UTC+14
LONGEST_BEHIND = timedelta(hours=14)  # UTC-12, and some more: what is older is an old document


class Clock(StrEnum):
    """How far a document's time could be believed."""

    GOOD = auto()
    ZONE = auto()
    AHEAD = auto()
    UNREADABLE = auto()
    UNDATED = auto()
    BEHIND = auto()


@dataclass(frozen=True, slots=True)
class SenderTime:
    """`version` is sortable UTC text, `YYYY-MM-DD HH:MM:SS[.fff]`; '' for an undated document.

    `late_seconds`: how long before its receipt, where that is more than the tolerance.
    """

    version: str
    clock: Clock
    claimed: str = ""
    late_seconds: int = 0

    @property
    def note(self) -> str:
        """What a result says of it; '' for a good clock. The claimed text is only shown as date."""
        match self.clock:
            case Clock.ZONE:
                return (
                    f"updated_at {self.claimed} is after its receipt by a whole time zone: counted "
                    f"as {self.version} UTC"
                )
            case Clock.AHEAD:
                return f"updated_at {self.claimed} is after its receipt: counted as {self.version}"
            case Clock.UNREADABLE:
                return "updated_at is no date: the event counts as undated"
            case Clock.BEHIND:
                late = in_hours(self.late_seconds)
                return (
                    f"updated_at {self.claimed} is {late} before its receipt, as in all events of "
                    "this sender lately: its clock is behind, or its queue"
                )
        return ""


def sender_time(
    updated_at: str, received_at_ms: int, *, tolerance_seconds: float = TOLERANCE_SECONDS
) -> SenderTime:
    """Return when a document was saved, as far as it can be believed.

    Magento writes UTC without a zone. Without a time of receipt (0) nothing bounds it.
    """
    read = _sender_time if len(updated_at) <= LONGEST_REMEMBERED else _sender_time.__wrapped__
    return read(updated_at, received_at_ms, tolerance_seconds)


@lru_cache(maxsize=REMEMBERED)
def _sender_time(updated_at: str, received_at_ms: int, tolerance_seconds: float) -> SenderTime:
    text = updated_at.strip()
    if not text:
        return SenderTime("", Clock.UNDATED)
    read = _moment(text)
    if read is None:
        return SenderTime("", Clock.UNREADABLE)
    moment, fraction = read
    is_plain = len(text) == len(PLAIN) and text[10] == " "  # nearly every one: no need to write it
    claimed = text if is_plain else _text(moment)
    ahead = moment - _epoch(received_at_ms)
    tolerance = timedelta(seconds=tolerance_seconds)
    if ahead <= tolerance or received_at_ms <= 0:
        is_late = tolerance < -ahead <= LONGEST_BEHIND and received_at_ms > 0
        late = int(-ahead.total_seconds()) if is_late else 0
        return SenderTime(claimed + fraction, Clock.GOOD, claimed, late)
    quarters = round(ahead / QUARTER)
    zone = quarters * QUARTER
    if NEAREST_ZONE <= quarters <= FARTHEST_ZONE and abs(ahead - zone) <= tolerance:
        return SenderTime(_text(moment - zone) + fraction, Clock.ZONE, claimed)
    return SenderTime(utc_text(received_at_ms), Clock.AHEAD, claimed)


def is_plain_time(value: Any) -> bool:
    """Whether a time is in the form that Magento writes, or not there."""
    return value is None or (type(value) is str and TIMESTAMP.fullmatch(value) is not None)


def plain_time(value: Any) -> str:
    """Return a time of another form in Magento's; '' for what is no time, or a day alone."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        inner = next((value[name] for name in ("$date", "value") if value.get(name)), None)
        return date_object(value) if inner is None or isinstance(inner, dict) else plain_time(inner)
    text = seen(text_of(int(value) if isinstance(value, float) and isfinite(value) else value))
    if since := SINCE_EPOCH.fullmatch(text):
        return utc_text(int(since[1]) * 1000)
    match = LOOSE.fullmatch(text)
    if match is None:
        return ""
    date, time, seconds, fraction, zone = match.groups()
    zone = (zone or "").upper().replace("UTC", "Z").replace("GMT", "Z")
    hours = ":00" if len(zone) == len("+01") else ""
    return f"{date} {time}{seconds or ':00'}{f'.{fraction}' if fraction else ''}{zone}{hours}"


def date_object(value: Mapping[str, Any]) -> str:
    """Return the UTC time of PHP's DateTime, as json_encode writes one; '' when it is none."""
    text, zone = str(value.get("date")), str(value.get("timezone"))
    is_offset = zone.startswith(("+", "-"))
    read = _moment(text + zone if is_offset else text)
    if read is None:
        return ""
    moment, fraction = read
    if not is_offset and zone.upper() not in ("UTC", "Z"):
        try:
            # The hour that autumn has twice is read as its second: a save of the first is ahead by
            # a zone then, and its receipt says so. Read as the first, later saves were behind.
            local = moment.replace(tzinfo=ZoneInfo(zone), fold=1)
            moment = local.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OSError, OverflowError, ZoneInfoNotFoundError):
            return ""
    return _text(moment) + fraction


def in_hours(seconds: float) -> str:
    """Return a duration in hours and minutes, as a person says it."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def utc_text(at_ms: int) -> str:
    """Return unix milliseconds as `YYYY-MM-DD HH:MM:SS`, the form versions are compared in."""
    return _text_of_second(at_ms // 1000)


@lru_cache(maxsize=256)  # of now it is asked several times for each event
def _text_of_second(since_epoch: int) -> str:
    return _text(EPOCH + timedelta(0, since_epoch))


def _epoch(at_ms: int) -> datetime:
    return EPOCH + timedelta(0, 0, 0, at_ms)


def _text(moment: datetime) -> str:
    return moment.isoformat(" ", "seconds")


def _moment(text: str) -> tuple[datetime, str] | None:
    """Return the UTC time to the second and the fraction of it, if any; None for no date."""
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{time}{zone or ''}")
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    # PHP's DateTime writes `.000000`: the same save is not newer in another spelling.
    fraction = (fraction or "").rstrip("0").rstrip(".")
    return (moment, fraction) if moment.year >= FIRST_YEAR else None
