"""The one envelope: what orderstream knows about an event besides its bytes.

Every record in every topic is an envelope: the verified raw bytes of the webhook as the value, and
everything else in headers (`schemas.headers`), so a replay or a requeue never has to touch the
bytes that were signed.
"""

from __future__ import annotations

import random
from dataclasses import field
from enum import StrEnum
from hashlib import blake2b

from schemas.frozen import dataclass


class Kind(StrEnum):
    """What an event is about; it decides the source topic and the mapping."""

    ORDER = "order"
    CUSTOMER = "customer"
    # Worked on only where INGRESS_ALSO_TAKE and a mapping file say so.
    CUSTOMER_DELETED = "customer_deleted"
    SUBSCRIBER = "subscriber"


class Via(StrEnum):
    """How an event came into the pipe. docs/architecture.md has the words; never mix them."""

    LIVE = "live"
    BACKFILL = "backfill"
    REPLAY = "replay"
    REQUEUE = "requeue"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the event's first record is: the coordinates audit and trace count by."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """The last failure of an event, as it is written into headers and results.

    `status` is the HTTP status of a refused call, 200 when a row of it was refused, 0 when there
    was no call; `rule` names the row of the error table that judged.
    """

    kind: str
    code: str
    message: str
    fields: tuple[str, ...] = ()
    status: int = 0
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event with its story so far.

    `attempt` counts finished record-level attempts (0 = never failed). `origin` is None only
    before the ingress published the event. `parked_for` is a digest of what it waits for. Times
    are unix milliseconds.
    """

    event_id: str
    event: str
    kind: Kind
    key: str
    received_at_ms: int
    value: bytes = field(repr=False)
    sender: str = ""
    signature_key: str = ""
    via: Via = Via.LIVE
    origin: Origin | None = None
    attempt: int = 0
    first_failed_at_ms: int | None = None
    not_before_ms: int | None = None
    error: ErrorInfo | None = None
    parked_for: str = ""
    mapping_version: str = ""
    job_id: str = ""
    is_forced: bool = False
    # A person's correction: the mark of the save it corrects, and when it was made.
    corrects: str = ""
    edited_at_ms: int | None = None
    operator_signature: str = field(default="", repr=False)  # see schemas.operator_signature
    traceparent: str = ""


def new_event_id(now_ms: int) -> str:
    """Return a UUIDv7 (RFC 9562 §5.7): time-ordered, so an id alone tells `trace` where to look."""
    # Not the system's randomness: ids are no secrets, and a system call per event costs more than
    # the signature. `random` is seeded from it, and again after a fork.
    return _uuid7(now_ms, random.getrandbits(74))


def derived_event_id(now_ms: int, sender_id: str) -> str:
    """Return a UUIDv7 whose last 19 hex digits are the same whenever `sender_id` is.

    So the deliveries of one event of a sender that numbers its events can be told from each other
    and still be seen to be one.
    """
    digest = blake2b(sender_id.encode(errors="replace"), digest_size=10).digest()
    return _uuid7(now_ms, int.from_bytes(digest) >> 6)


def _uuid7(now_ms: int, chance: int) -> str:
    value = (now_ms & ((1 << 48) - 1)) << 80 | 0x7 << 76
    value |= (chance >> 62) << 64 | 0b10 << 62 | chance & ((1 << 62) - 1)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def event_id_time_ms(event_id: str) -> int | None:
    """Return the unix milliseconds inside a UUIDv7, or None when the text is none."""
    digits = event_id.replace("-", "")
    if len(digits) != 32 or digits[12] != "7":  # noqa: PLR2004 - 128 bits in hex, version nibble
        return None
    try:
        return int(digits[:12], 16)
    except ValueError:
        return None
