"""Who may post events: the senders that INGRESS_SENDERS switches on, and what each needs to be on.

docs/senders.md says how each is set up. None is on without its secret or key: an ingress that
takes unsigned events takes anybody's.
"""

from __future__ import annotations

from enum import StrEnum


class Sender(StrEnum):
    """One way of signing events; but for `hmac`, also the `sender` header of what it signed."""

    HMAC = "hmac"
    MODULE = "module"
    MAGEOS = "mageos"
    ADOBE_WEBHOOKS = "adobe_webhooks"
    ADOBE_EVENTS = "adobe_events"


class Extra(StrEnum):
    """Events that are taken only when INGRESS_ALSO_TAKE names them: kinds of `schemas.event`."""

    CUSTOMER_DELETED = "customer_deleted"
    SUBSCRIBER = "subscriber"


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of a comma-separated list, each once."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip().lower())))


def checked_names(text: str, known: type[StrEnum]) -> str:
    """Return a comma-separated list as it is; raises ValueError naming what is unknown in it."""
    unknown = [name for name in names_in(text) if name not in set(known)]
    if unknown:
        raise ValueError(f"unknown {', '.join(unknown)}; known are {', '.join(known)}")
    return text
