"""What a Magento customer means: which of the addresses is the customer's own.

A shipping address may be somebody else's, so it stands in for the billing address only where the
customer names no billing address at all.
"""

from __future__ import annotations

from typing import Any

from agents.mapping.values import text_of, yes_or_no
from schemas.spellings import DEFAULT_FLAGS

BILLING, _ = DEFAULT_FLAGS


def default_address(customer: dict[str, Any]) -> dict[str, Any] | None:
    """Return the default billing address; the first one when the customer names none."""
    rows = customer.get("addresses")
    addresses = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    flagged = next((row for row in addresses if yes_or_no(row.get(BILLING))), None)
    if flagged is not None or not addresses:
        return flagged
    names_one = text_of(customer.get(BILLING)).strip() not in ("", "0")
    return None if names_one else addresses[0]
