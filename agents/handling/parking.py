"""Why an event is parked, and how often it was for that reason: what its header remembers. Pure.

Each look at an event whose kind of write waits costs its share of a call. Every half minute for a
weekend of full storage, that is more calls than many an org has, for thousands of waiting orders.
So who was parked often for one reason looks less often (`agents.handling.outcome_rules`).
"""

from __future__ import annotations

import re
from hashlib import blake2b

from schemas.event import Envelope

COUNT = re.compile(r"[0-9]{1,6}")


def why_parked(reason: str, before: int) -> str:
    """Return the header of an event that was parked so often before for the reason."""
    return f"{_digest(reason)}.{before}" if before else _digest(reason)


def times_parked(envelope: Envelope, reason: str) -> int:
    """Return how often an event has been parked for a reason, one after the other."""
    why, _, count = envelope.parked_for.partition(".")
    if why != _digest(reason):
        return 0
    return int(count) + 1 if COUNT.fullmatch(count) else 1


def _digest(reason: str) -> str:
    return blake2b(reason.encode(), digest_size=4).hexdigest()
