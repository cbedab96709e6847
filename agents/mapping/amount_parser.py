"""The `amount:` entry of a mapping file: what an order is worth, and in which currencies."""

from __future__ import annotations

import re

from agents.mapping.order_document import CURRENCIES, POLICIES
from agents.mapping.yaml_source import Entry

KEYS = ("policy", "currency", "currencies")
CODE = re.compile(r"[A-Z]{3}")


def read_amount(entry: Entry | None) -> tuple[str, str]:
    """Return (policy, currency); raises MappingFileError."""
    pairs = entry.mapping(KEYS) if entry else {}
    policy = pairs["policy"].one_of(POLICIES) if "policy" in pairs else POLICIES[0]
    currency = pairs["currency"].one_of(CURRENCIES) if "currency" in pairs else CURRENCIES[0]
    return policy, currency


def read_currencies(entry: Entry | None) -> tuple[str, ...]:
    """Return the currencies the store sells in, none when the file does not say."""
    pairs = entry.mapping(KEYS) if entry else {}
    codes = pairs["currencies"].texts() if "currencies" in pairs else ()
    for code in codes:
        if not CODE.fullmatch(code):
            raise pairs["currencies"].error(f"`{code}` is no currency code; write e.g. [EUR, USD]")
    return codes
