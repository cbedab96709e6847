"""Kinds of orgs, as settings that are switched together."""

from __future__ import annotations

from typing import Any

# A large, old enterprise org that speaks Portuguese: everything that fits together.
AWKWARD: dict[str, Any] = {
    "language": "pt_BR",
    "currencies": "BRL,USD,EUR,GBP,PLN,-JPY",
    "address_picklists": True,
    "sales_process": (
        "Prospecting,Qualification,Needs Analysis,Negotiation/Review,Closed Won,Closed Lost"
    ),
    "view_setup": False,
    "retired_below": 40.0,
    "gzip": True,
    "lock_contention": True,
    "latency_ms": 40.0,
    "latency_per_row_ms": 2.0,
    "limit_info_form": "bursts",
    "limit_info_on_errors": False,
}
PROFILES: dict[str, dict[str, Any]] = {"plain": {}, "awkward": AWKWARD}
