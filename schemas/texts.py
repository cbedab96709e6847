"""An ID-like value as text: the one reading of ids, numbers and names that keys are made of."""

from __future__ import annotations

import re
from typing import Any

from schemas.email import seen

# From here on neighbouring whole numbers share one float (IEEE 754 double, 53 bits): two orders
# would get one key.
MAX_EXACT_FLOAT = 2**53
MAX_WHOLE = 10**255  # more digits than a key may have
# What programs write where they have nothing: the same for every order, so it is nobody's identity.
STAND_INS = frozenset(
    (
        *("null", "(null)", "nil", "none", "undefined", "nan", "n/a", "false", "true"),
        *("array", "object", "[object object]", "unknown"),
    )
)
# Of these a name, a city or a total is surely not made; `Null` is a surname, `None` a town.
UNSAID = frozenset(("null", "(null)", "undefined", "NaN", "[object Object]"))
TEMPLATES = ("{{", "${", "<%", "[[")  # of a flow that filled nothing in
# A column of whole numbers with a gap in it is one of floats to pandas, and to a spreadsheet.
WHOLE = re.compile(r"(\d+)\.0+", re.ASCII)
ZEROS = frozenset(("0", "0.0", "0.00", "0.0000", "-", "--"))


def text_of(value: Any) -> str:
    """Return an ID-like scalar as stripped text; '' for absent, null, bool and nested values.

    '' also for whole numbers beyond 2**53 that JSON parsing turned into floats: they are inexact.
    """
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < MAX_WHOLE else ""
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT_FLOAT:
        return str(int(value))
    return ""


def said(value: Any) -> str:
    """Return an ID-like scalar as text; '' also for what a program writes for nothing."""
    if value is None:
        return ""
    if type(value) is int and 0 <= value < MAX_WHOLE:
        return str(value)
    text = text_of(value)
    if not text.isascii():
        text = seen(text)
    elif text.isdecimal():
        return text
    elif whole := WHOLE.fullmatch(text):
        return whole[1]
    return "" if text.casefold() in STAND_INS or any(map(text.count, TEMPLATES)) else text


def identifier(value: Any) -> str:
    """Return what tells one document from another; '' for a zero, too: Magento's ids begin at 1."""
    if type(value) is str and value.isascii() and value.isdecimal() and value != "0":
        return value  # nearly every one, asked three times of every order
    if type(value) is int and 0 < value < MAX_WHOLE:
        return str(value)
    text = said(value)
    return "" if text in ZEROS else text
