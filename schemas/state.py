"""The order state: what Salesforce has of an order or a customer, one compacted record per key.

Written after Salesforce answered, not before (a state that runs ahead of its effect skips the
redelivered event: measured, kafka reference §1.17); only a state in doubt, which does not skip its
own event, may be written ahead (agents/handling/write_intent.py). A worker keeps the encoded bytes
of a million orders in memory and decodes one when it is asked for, so the encoding is short JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from schemas.event import Kind


@dataclass(frozen=True, slots=True)
class State:
    """The newest state of one key that Salesforce has.

    `version` is Magento's `updated_at`; `digest` covers the business content only and is empty
    while it is in doubt what Salesforce has (a later write failed half way); `rank` orders
    the life of an order (new < processing < …) for two saves within one second; `first_seen_ms`
    is when the key was first written, so `trace` need not read anything older.
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

    def to_bytes(self) -> bytes:
        """Return the short JSON that is stored."""
        return orjson.dumps(
            {
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
        )

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
        )


def state_key(kind: Kind, key: str) -> bytes:
    """Return the record key: orders and customers share the topic, not the key space."""
    return f"{kind.value}:{key}".encode()
