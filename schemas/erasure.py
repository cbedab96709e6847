"""The erasure event and the marker it leaves: who was erased, without saying who.

An erasure travels through the pipe like everything else: it is published to `salesforce.due`, into
the partition of the order or customer it is about, so the worker that owns the key sees it in its
turn and keeps it in mind from then on. (Written into the state topic from outside, a running worker
would not learn of it until the next rebalance.)

| record in `salesforce.state` | is |
|---|---|
| `order:<number>`, `customer:<e-mail>` | gets a tombstone |
| `erased:<digest of that key>` | the marker, kept for good by compaction |

| an event of an erased | is refused |
|---|---|
| order | always: the order belongs to a person who wants to be forgotten |
| customer | if it was saved before the erasure; who registers again later is a new customer |
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import orjson

from schemas.event import Kind
from schemas.state import state_key

ERASURE_EVENT = "orderstream_erasure"
MARKER_PREFIX = b"erased:"
DIGEST_BYTES = 16
ERASED = "erased-"  # what external IDs of erased people begin with, in the org


@dataclass(frozen=True, slots=True)
class Erasure:
    """Erase what is kept of one key; `until` is the time of the request, `YYYY-MM-DD HH:MM:SS`."""

    kind: Kind
    key: str
    until: str

    @property
    def state_key(self) -> bytes:
        """The key of the state record that gets the tombstone."""
        return state_key(self.kind, self.key)

    def to_bytes(self) -> bytes:
        return orjson.dumps({"kind": self.kind.value, "key": self.key, "until": self.until})

    @classmethod
    def from_bytes(cls, value: bytes) -> Erasure:
        """Parse a record; raises orjson.JSONDecodeError, KeyError, TypeError or ValueError."""
        read = orjson.loads(value)
        return cls(Kind(read["kind"]), str(read["key"]), str(read["until"]))


def marker_key(key: bytes) -> bytes:
    """Return the key of the marker of a state key: a digest, because a key can be an address."""
    return MARKER_PREFIX + blake2b(key, digest_size=DIGEST_BYTES).hexdigest().encode()
