"""Which parts a whole order or customer has: one answer for the versions and for enrichment. Pure.

A status webhook, a partial save or an announcement says some of them; what it does not say is not
known by it, however new it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.event import Kind

# Every whole document says one name of each.
PARTS: dict[Kind, tuple[tuple[str, ...], ...]] = {
    Kind.ORDER: (
        ("grand_total", "base_grand_total"),
        ("items",),
        ("state", "status"),
        ("customer_email",),
        ("created_at",),
        ("billing_address", "addresses"),
    ),
    Kind.CUSTOMER: (("firstname", "lastname"), ("addresses",)),
}


def says(entity: Mapping[str, Any], part: tuple[str, ...]) -> bool:
    """Whether a document says one of these names; null says nothing."""
    value_of = entity.get
    for name in part:  # noqa: SIM110 - a generator is slow, and enrichment asks six times an event
        if value_of(name) is not None:
            return True
    return False


def is_whole(kind: Kind, entity: Mapping[str, Any]) -> bool:
    """Whether a document says every part that a whole one has; of other kinds all are whole."""
    value_of = entity.get
    for part in PARTS.get(kind, ()):  # no calls: every event asks
        for name in part:
            if value_of(name) is not None:
                break
        else:
            return False
    return True


def said_names(entity: Mapping[str, Any]) -> frozenset[str]:
    """Return what a document says something of."""
    return frozenset(name for name, value in entity.items() if value is not None)
