"""How far an order's life has come: the tie-break for two saves within one second.

`updated_at` has one-second resolution (magento reference §3.4), and placing, capturing and
shipping can happen within one. Equal ranks are undecided: there an order can go either way (hold
and unhold, review and processing), and the later delivery counts.

| rank | states |
|---|---|
| 0 | nothing happened yet: new, pending_payment |
| 1 | under way: payment_review, holded, processing, and states nobody has heard of |
| 2 | complete |
| 3 | over: closed, canceled |
"""

from __future__ import annotations

from typing import Any

RANKS = {
    "new": 0,
    "pending": 0,
    "pending_payment": 0,
    "pending payment": 0,  # as the store shows it, and GraphQL says it
    "payment_review": 1,
    "holded": 1,
    "processing": 1,
    "complete": 2,
    "closed": 3,
    "canceled": 3,
    "cancelled": 3,
}
UNKNOWN_RANK = 1


def state_rank(entity: dict[str, Any]) -> int | None:
    """Return the rank of an order's state (its status where there is no state), None for none."""
    for field in ("state", "status"):
        value = entity.get(field)
        if isinstance(value, str) and value.strip():
            return RANKS.get(value.strip().lower(), UNKNOWN_RANK)
    return None
