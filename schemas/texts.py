"""An ID-like value as text: the one reading of ids, numbers and names that keys are made of."""

from __future__ import annotations

from typing import Any

# From here on neighbouring whole numbers share one float (IEEE 754 double, 53 bits): two orders
# would get one key.
MAX_EXACT_FLOAT = 2**53
MAX_WHOLE = 10**255  # more digits than a key may have


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
