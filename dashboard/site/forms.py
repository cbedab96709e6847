"""What people type into forms and addresses, as checked values; a ValueError names the field."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from schemas.identity import PLAIN, Identity
from stream.dlq.index import LetterFilter
from stream.jobs.spec import DEFAULT_RATE
from stream.times import parse_when

Fields = Mapping[str, Any]

MAX_RATE = 10_000.0
MIN_RATE = 0.1


def text_of(fields: Fields, name: str) -> str:
    """Return a field's text without blanks around it; empty when it is not there."""
    value = fields.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def why_of(fields: Fields) -> str:
    """Return the reason; raises ValueError when there is none."""
    if why := text_of(fields, "why"):
        return why[:500]
    raise ValueError("Reason: say why, for the audit topic.")


def time_of(fields: Fields, name: str, label: str) -> int | None:
    """Return unix milliseconds of a time as people write it, or None when it is empty."""
    text = text_of(fields, name)
    if not text:
        return None
    try:
        return parse_when(text, now_ms=int(time.time() * 1000))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{label}: {error}") from None


def rate_of(fields: Fields) -> float:
    """Return events per second."""
    text = text_of(fields, "rate") or str(DEFAULT_RATE)
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"Rate: write events per second, {MIN_RATE} to {MAX_RATE:.0f}.")
    return rate


def limit_of(fields: Fields) -> int | None:
    """Return the most events to publish, or None for no limit."""
    text = text_of(fields, "limit")
    if not text:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise ValueError("Limit: write a whole number above 0, or leave it empty.")
    return int(text)


def page_of(fields: Fields) -> int:
    """Return the number of a page of a list, from 1."""
    text = text_of(fields, "page")
    return max(1, int(text)) if text.isdecimal() and len(text) <= 9 else 1  # noqa: PLR2004 - digits


def letter_filter_of(fields: Fields, identity: Identity = PLAIN) -> LetterFilter:
    """Return the filter of a form or an address."""
    order = text_of(fields, "order")
    return LetterFilter(
        code=text_of(fields, "code"),
        field=text_of(fields, "field"),
        since_ms=time_of(fields, "since", "Dead since"),
        until_ms=time_of(fields, "until", "Dead before"),
        key=identity.key_of_target(order),
        store=text_of(fields, "store"),
        ids=tuple(text_of(fields, "ids").split()),
        pattern=identity.pattern_of_target(order),
    )


def fields_of(wanted: LetterFilter) -> dict[str, str]:
    """Return the form fields of a filter: what `letter_filter_of` reads back."""
    fields = {
        "code": wanted.code,
        "field": wanted.field,
        "since": "" if wanted.since_ms is None else f"{wanted.since_ms:013d}",
        "until": "" if wanted.until_ms is None else f"{wanted.until_ms:013d}",
        "order": wanted.key,
        "store": wanted.store,
        "ids": " ".join(wanted.ids),
    }
    return {name: value for name, value in fields.items() if value}
