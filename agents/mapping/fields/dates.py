"""Magento's timestamps → Salesforce's dates.

Magento writes `Y-m-d H:i:s` without a zone and means UTC (magento reference §2.3); other senders
write ISO 8601. Salesforce accepts years 1700 to 4000 (its date field rules).
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

FIRST_YEAR, LAST_YEAR = 1700, 4000
IN_EVERY_MONTH = 28  # days
DAY_CHARACTERS = len("2023-10-26")
REMEMBERED = 128  # days: nearly all orders are of today
SHIFT = re.compile(r"([+-])\s*(\d{1,4})\s*(day|week|month|year)s?")
STARTS_WITH_A_DATE = re.compile(r"\s*\d{4}-\d{2}-\d{2}", re.ASCII)


def parse_datetime(value: Any) -> datetime | None:
    """Return the UTC time (no tzinfo) of a Magento or ISO timestamp; None for anything else."""
    if type(value) is not str:
        return None
    return _day(value) if len(value) == DAY_CHARACTERS else _moment(value)


def _moment(text: str) -> datetime | None:
    if not STARTS_WITH_A_DATE.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return moment if FIRST_YEAR <= moment.year <= LAST_YEAR else None


_day = lru_cache(maxsize=REMEMBERED)(_moment)


def iso_datetime(moment: datetime) -> str:
    """Return the form Salesforce reads, of a UTC time: `2023-10-26T10:05:00Z`."""
    return moment.isoformat(timespec="seconds") + "Z"


def iso_of(value: Any) -> str:
    """Return a timestamp in the form Salesforce reads, '' when it is no time."""
    moment = parse_datetime(value)
    return iso_datetime(moment) if moment else ""


def version_of(saved: str) -> str:
    """Return a sender's time (`SenderTime.version`, UTC) as a row's version, '' when there is none.

    Its form is known, so it is cut and not read again.
    """
    return f"{saved[:10]}T{saved[11:19]}Z" if "" < saved[:4] <= str(LAST_YEAR) else ""


def parse_shift(text: str) -> tuple[int, str] | None:
    """Return (signed count, unit) of `+1 month`, or None."""
    match = SHIFT.fullmatch(text.strip())
    return (int(match[1] + match[2]), match[3]) if match else None


@lru_cache(maxsize=REMEMBERED)
def shifted(day: date, count: int, unit: str) -> date | None:
    """Return the day moved; months keep the day or take the month's last one (31 Jan → 28 Feb).

    None when the result is outside of Salesforce's years.
    """
    if unit in ("day", "week"):
        try:
            day += timedelta(days=count * (7 if unit == "week" else 1))
        except OverflowError:
            return None
    else:
        months = day.year * 12 + day.month - 1 + count * (12 if unit == "year" else 1)
        year, month = months // 12, months % 12 + 1
        if not FIRST_YEAR <= year <= LAST_YEAR:
            return None
        last = day.day if day.day <= IN_EVERY_MONTH else monthrange(year, month)[1]
        day = day.replace(year=year, month=month, day=min(day.day, last))
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None
