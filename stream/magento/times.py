"""Magento's times: UTC to the second, without a zone, sortable (magento reference §2.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FORM = "%Y-%m-%d %H:%M:%S"


def magento_time(at_ms: int) -> str:
    """Return unix milliseconds as Magento writes them; the millisecond is dropped."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime(FORM)


def unix_ms(text: str) -> int | None:
    """Return a Magento time as unix milliseconds, None for anything else."""
    try:
        return int(datetime.strptime(text, FORM).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None


def seconds_before(text: str, seconds: float) -> str:
    """Return the Magento time so many seconds earlier."""
    moment = datetime.strptime(text, FORM).replace(tzinfo=UTC) - timedelta(seconds=seconds)
    return moment.strftime(FORM)
