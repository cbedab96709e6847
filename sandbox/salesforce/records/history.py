"""What was written, in order, and an independent judgement of it: twice? older? needless?

```
stale       an applied write whose version is lower than one applied earlier to the same record
redundant   an applied update that changed no stored field
duplicate   two records with one external id, or one external id created twice
```
The judge trusts nobody's bookkeeping but its own: tests ask it whether a promise was kept.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class Write(NamedTuple):
    """One applied write. `at` is a monotonic clock in seconds, `wall` unix seconds."""

    at: float
    wall: float
    sobject: str
    external_id: str
    id: str
    operation: str
    is_changed: bool
    fields: dict[str, Any]
    version: str
    call_id: str


class Digest:
    """What is kept of every record for ever: a few numbers, however many writes there were."""

    __slots__ = ("creates", "last_seq", "redundant", "stale", "version", "writes")

    def __init__(self) -> None:
        self.writes = 0
        self.creates = 0
        self.stale = 0
        self.redundant = 0
        self.version = ""
        self.last_seq = 0

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in sorted(self.__slots__)}


class History:
    """The writes of the org: the newest `limit` in full, all of them in digests and totals."""

    def __init__(self, limit: int) -> None:
        self._entries: deque[tuple[int, Write]] = deque(maxlen=limit)
        self.digests: dict[tuple[str, str], Digest] = {}
        self.totals: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.seq = 0

    def limit_to(self, limit: int) -> None:
        """Keep the newest `limit` writes in full from now on."""
        self._entries = deque(self._entries, maxlen=limit)

    def add(self, writes: Sequence[Write]) -> None:
        """Append the writes of one call, in the order they were applied."""
        for write in writes:
            self.seq += 1
            self._entries.append((self.seq, write))
            self._judge(write)

    def _judge(self, write: Write) -> None:
        key = (write.sobject, (write.external_id or write.id).casefold())
        digest = self.digests.get(key)
        if digest is None:
            digest = self.digests[key] = Digest()
        digest.writes += 1
        digest.last_seq = self.seq
        self.totals["writes"] += 1
        self.totals[write.operation] += 1
        if write.operation == "create":
            digest.creates += 1
            self.totals["created_again"] += digest.creates > 1
        elif not write.is_changed and write.operation == "update":
            digest.redundant += 1
            self.totals["redundant"] += 1
        if write.version:
            if write.version < digest.version:
                digest.stale += 1
                self.totals["stale"] += 1
            else:
                digest.version = write.version

    def refuse(self, codes: Iterator[str] | Sequence[str]) -> None:
        """Count the errors rows were refused with."""
        self.refused.update(codes)

    def entries(
        self,
        *,
        sobject: str = "",
        external_id: str = "",
        record_id: str = "",
        since: int = 0,
        limit: int = 0,
    ) -> list[dict[str, Any]]:
        """Return the kept writes that match, oldest first; with a limit, the newest of them."""
        wanted = external_id.casefold()
        found = [
            (seq, write)
            for seq, write in self._entries
            if seq > since
            and (not sobject or write.sobject == sobject)
            and (not wanted or write.external_id.casefold() == wanted)
            and (not record_id or write.id == record_id)
        ]
        return [_as_dict(seq, write) for seq, write in found[-limit:]]

    def summary(self) -> dict[str, Any]:
        """Return the totals; a clean run has zero stale, redundant and created_again."""
        return {
            "writes": self.totals["writes"],
            "creates": self.totals["create"],
            "updates": self.totals["update"],
            "deletes": self.totals["delete"],
            "redundant_writes": self.totals["redundant"],
            "stale_writes": self.totals["stale"],
            "created_again": self.totals["created_again"],
            "refused_rows": dict(self.refused),
            "history_kept": len(self._entries),
            "history_dropped": self.seq - len(self._entries),
        }


def _as_dict(seq: int, write: Write) -> dict[str, Any]:
    return {
        "seq": seq,
        "monotonic": write.at,
        "time": write.wall,
        "sobject": write.sobject,
        "external_id": write.external_id,
        "id": write.id,
        "operation": write.operation,
        "created": write.operation == "create",
        "changed": write.is_changed,
        "fields": {name: value for name, value in write.fields.items() if name != "attributes"},
        "version": write.version,
        "call_id": write.call_id,
    }
