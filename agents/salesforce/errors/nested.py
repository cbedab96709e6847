"""The code inside a wrapper's text: what went wrong, where the code only says where.

A trigger that loses a lock answers CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY, and its message holds
`first error: UNABLE_TO_LOCK_ROW, …`. Names of codes and of Apex classes are never translated, so
they may be looked for in a message; its words may not be.
"""

from __future__ import annotations

import re
from collections.abc import Collection

CODE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
LIMIT_EXCEPTION = "LimitException"  # Apex: a governor limit of the transaction


def nested_code(message: str, known: Collection[str], wrappers: Collection[str]) -> str:
    """Return the innermost known code of a wrapper's message, empty when it holds none.

    Exceptions are quoted from the outside in, so the last one is the cause.
    """
    found = [code for code in CODE.findall(message) if code in known and code not in wrappers]
    return found[-1] if found else ""


def tells_of_a_limit(message: str) -> bool:
    """Whether Apex says that the transaction was too much."""
    return LIMIT_EXCEPTION in message
