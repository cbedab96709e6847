"""Who says that a record is an operator's doing: a signature that travels with it.

A replay, a requeue, a backfill, a forced event, a correction, an erasure and a reset of a version
are things that only people order, and all of them reach the workers as records that anybody could
write who may write a topic. So whoever publishes one signs what it claims, with a key that the
workers know and ingress and relay do not (OPERATOR_SIGNING_KEY). The signature is a header and
stays with the event through retries, because what it covers never changes on the way: identity,
claims, key and bytes, but neither attempts nor failures.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256

from schemas.erasure import ERASURE_EVENT
from schemas.event import Envelope, Via
from schemas.headers import coordinates_id
from schemas.version_reset import RESET_EVENT

UNTRUSTED = "UNTRUSTED_RECORD"  # the code of a dead letter that nobody vouches for
BY_OPERATORS = frozenset({ERASURE_EVENT, RESET_EVENT})


def claims_operator(envelope: Envelope) -> bool:
    """Whether the record says that a person or a job of theirs put it there."""
    return bool(
        envelope.via is not Via.LIVE
        or envelope.job_id
        or envelope.is_forced
        or envelope.corrects
        or envelope.edited_at_ms
        or envelope.event in BY_OPERATORS
    )


def has_no_headers(envelope: Envelope) -> bool:
    """Whether its first record came without our headers: its id is that record's coordinates."""
    origin = envelope.origin
    if origin is None or not envelope.event_id.startswith(origin.topic):
        return False  # at a glance: nearly every event's id is a UUID
    return envelope.event_id == coordinates_id(origin.topic, origin.partition, origin.offset)


def signature_of(envelope: Envelope, key: str) -> str:
    """Return the signature of an envelope's claims."""
    covered = (
        envelope.event_id,
        envelope.event,
        envelope.kind.value,
        envelope.key,
        str(envelope.received_at_ms),
        envelope.via.value,
        envelope.job_id,
        "forced" if envelope.is_forced else "",
        envelope.corrects,
        str(envelope.edited_at_ms or ""),
    )
    mac = hmac.new(key.encode(), digestmod=sha256)
    for part in (*(text.encode(errors="replace") for text in covered), envelope.value):
        mac.update(b"%d:" % len(part))  # so that no two lists of parts are the same bytes
        mac.update(part)
    return mac.hexdigest()


def is_signed(envelope: Envelope, keys: Iterable[str]) -> bool:
    """Whether one of the keys has signed the envelope's claims."""
    told = envelope.operator_signature.encode(errors="replace")
    return any(
        hmac.compare_digest(signature_of(envelope, key).encode(), told) for key in list(keys)
    )
