"""The order state: what Salesforce has of an order or a customer, one compacted record per key.

Written after Salesforce answered, not before (a state that runs ahead of its effect skips the
redelivered event: measured, kafka reference §1.17); only a state in doubt, which does not skip its
own event, may be written ahead (agents/handling/write_intent.py). A worker keeps the encoded bytes
of a million orders in memory and decodes one when it is asked for, so the encoding is short JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import orjson

from schemas.event import Kind
from schemas.sender_clock import utc_text

# How far the memory of a key reaches: contents that were replaced, events that were overruled.
KEPT_REPLACED = 8
KEPT_OVERRULED = 4
SEEN_DIGITS = (
    12  # 48 bits: of the last 8 saves of one order, two alike by accident are not expected
)


@dataclass(frozen=True, slots=True)
class State:
    """The newest state of one key that Salesforce has.

    `version` is the newest time a save of it gave ('' while all were undated); `digest` covers the
    business content only and is empty while it is in doubt what Salesforce has (a later write
    failed half way); `rank` orders the life of an order (new < processing < …); `first_seen_ms` is
    when the key was first written, so `trace` need not read anything older.

    `seen_ms` is when the content was received, or read from the store; `mark` tells its save from
    others; `replaced` are the digests written before it, newest first; `overruled` the marks of
    saves that a person or the store has overruled; `edited_ms` is when a person made the content;
    `is_reset`: a person had the version forgotten, and the org is told to let the next write pass.
    `site` is the order's store view or the customer's website: with `entity_id`, whose key it is.
    """

    version: str
    digest: str
    topic: str
    partition: int
    offset: int
    rank: int = 0
    ids: dict[str, str] = field(default_factory=dict)
    entity_id: str = ""
    first_seen_ms: int = 0
    seen_ms: int = 0
    mark: str = ""
    replaced: tuple[str, ...] = ()
    overruled: tuple[str, ...] = ()
    edited_ms: int = 0
    is_reset: bool = False
    site: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known of what Salesforce has, or nobody may go by it."""
        return not (self.version or self.digest or self.seen_ms)

    @property
    def time(self) -> str:
        """The version; while there is none, when a person or a sender last said something."""
        return self.version or utc_text(max(self.seen_ms, self.edited_ms))

    def as_unknown(self) -> Self:
        """Return it with nothing known but whose it is."""
        return replace(self, version="", digest="", rank=0, seen_ms=0, mark="", edited_ms=0)

    def as_vacant(self) -> Self:
        """Return it without a document: its records have another key by now.

        Whose it was stays known, because an erasure finds a person's earlier addresses by it.
        """
        return replace(self.as_unknown(), site="", ids={}, replaced=(), overruled=())

    def as_reset(self) -> Self:
        """Return it with its version and its memory forgotten, and free for another document."""
        unknown = replace(self.as_unknown(), entity_id="", site="")
        return replace(unknown, replaced=(), overruled=(), is_reset=True)

    def in_doubt(self) -> Self:
        """Return it with a content that no event may be held equal to."""
        replaced = remembered(self.digest[:SEEN_DIGITS], self.replaced, KEPT_REPLACED)
        return replace(self, digest="", replaced=replaced)

    def to_bytes(self) -> bytes:
        """Return the short JSON that is stored; what is empty is left out."""
        always = {
            "v": self.version,
            "d": self.digest,
            "t": self.topic,
            "p": self.partition,
            "o": self.offset,
            "r": self.rank,
            "i": self.ids,
            "e": self.entity_id,
            "f": self.first_seen_ms,
        }
        rarely = {
            "s": self.seen_ms,
            "k": self.mark,
            "h": " ".join(self.replaced),
            "w": " ".join(self.overruled),
            "m": self.edited_ms,
            "x": int(self.is_reset),
            "g": self.site,
        }
        return orjson.dumps(always | {name: value for name, value in rarely.items() if value})

    @classmethod
    def from_bytes(cls, value: bytes) -> State:
        """Parse a stored record; raises orjson.JSONDecodeError, KeyError or TypeError."""
        read: dict[str, Any] = orjson.loads(value)
        return cls(
            version=read["v"],
            digest=read["d"],
            topic=read["t"],
            partition=read["p"],
            offset=read["o"],
            rank=read.get("r", 0),
            ids=read.get("i", {}),
            entity_id=read.get("e", ""),
            first_seen_ms=read.get("f", 0),
            seen_ms=read.get("s", 0),
            mark=read.get("k", ""),
            replaced=tuple(read.get("h", "").split()),
            overruled=tuple(read.get("w", "").split()),
            edited_ms=read.get("m", 0),
            is_reset=bool(read.get("x")),
            site=read.get("g", ""),
        )


def remembered(entry: str, kept: tuple[str, ...], most: int) -> tuple[str, ...]:
    """Return a bounded memory with one more entry, the newest first."""
    if not entry or entry in kept[:1]:
        return kept
    return (entry, *(other for other in kept if other != entry))[:most]


def state_key(kind: Kind, key: str) -> bytes:
    """Return the record key: orders and customers share the topic, not the key space."""
    return f"{kind.value}:{key}".encode()
