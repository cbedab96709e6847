"""What a JSON value is to the mapping: blank or not, its text, its yes or no.

Magento writes one thing in several ways (magento reference §2.1): numbers as numbers or strings,
flags as 0/1, "0"/"1" or true/false, lines as a list or as one text.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from schemas.email import seen

YES = frozenset({"1", "true", "yes", "y", "on"})
NO = frozenset({"0", "false", "no", "n", "off"})
MAX_EXACT = 10**18  # integers beyond it are printed by nobody: no id, no amount


class Thousandths(float):
    """An amount of money whose currency has three decimals (the Kuwaiti dinar has 1,000 fils)."""


def is_blank(value: Any) -> bool:
    """Whether there is nothing: null, a text nobody sees, empty list or object. 0 is something."""
    if type(value) is str:
        return not value or value.isspace() or not (value.isprintable() or seen(value))
    return not value and bool(value != 0)


def text_of(value: Any) -> str:
    """Return the text of a scalar or of a list of scalars (one per line); '' for the rest.

    Whole floats lose their `.0`; true and false become 1 and 0, as Magento writes them.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, list):
        lines = (text_of(item).strip() for item in value if not isinstance(item, list))
        return "\n".join(line for line in lines if line)
    return ""


def _number_text(value: float) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if not -MAX_EXACT < value < MAX_EXACT:
        return "" if isinstance(value, int) or not isfinite(value) else repr(value)
    return str(int(value)) if value == int(value) else repr(value)


def yes_or_no(value: Any) -> bool | None:
    """Return a flag's meaning, None when it is none."""
    text = text_of(value).strip().lower()
    return True if text in YES else False if text in NO else None


def decimal_of(value: Any) -> Decimal | None:
    """Return a finite number as a decimal: 34, 34.5, "34.0000", true; None for anything else."""
    if isinstance(value, float):
        return Decimal(repr(value)) if isfinite(value) else None
    if isinstance(value, int):
        return Decimal(value)
    if not isinstance(value, str) or "_" in value:  # Python's own way of writing thousands
        return None
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
