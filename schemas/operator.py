"""What people do to the pipe: marks on dead letters, and the line in `orderstream.audit`.

A dead letter is never deleted; a mark says it is resolved. Marks are records of their own in the
dead-letter topic, in the partition of the letters they are about, so that one reader of one
partition sees both, and in order. The header `mark` tells them from letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import orjson

MARK_HEADER = "mark"
# Which record a copy was made of, `topic/partition/offset`: how a job finds its own copies again.
COPIED_FROM_HEADER = "copied-from"
# Which document of the store an event was made of, `id@updated_at`: how a backfill finds its own.
READ_FROM_HEADER = "read-from"


class Resolution(StrEnum):
    """How a dead letter was resolved by a person."""

    REQUEUED = "requeued"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Mark:
    """These dead letters (offsets in the mark's own partition) are resolved."""

    resolution: Resolution
    offsets: tuple[int, ...]
    at_ms: int
    who: str = ""
    why: str = ""
    job_id: str = ""

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        return [(MARK_HEADER, self.resolution.value.encode())]

    def to_bytes(self) -> bytes:
        return orjson.dumps(asdict(self))


def mark_of(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> Mark | None:
    """Return the mark a record of the dead-letter topic is, or None for a letter."""
    names = dict(headers)
    if MARK_HEADER not in names:
        return None
    try:
        read = orjson.loads(value or b"")
        return Mark(**{**read, "resolution": Resolution(read["resolution"]), **_offsets(read)})
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return Mark(Resolution.DROPPED, (), at_ms=0)


def _offsets(read: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {"offsets": tuple(int(offset) for offset in read["offsets"])}


def copied_from(topic: str, partition: int, offset: int) -> tuple[str, bytes]:
    """Return the header that names the record a copy was made of."""
    return COPIED_FROM_HEADER, f"{topic}/{partition}/{offset}".encode()


def source_of_copy(headers: Sequence[tuple[str, bytes]]) -> tuple[str, int, int] | None:
    """Return (topic, partition, offset) a copy was made of, or None."""
    raw = dict(headers).get(COPIED_FROM_HEADER)
    if raw is None:
        return None
    topic, _, rest = raw.decode(errors="replace").partition("/")
    partition, _, offset = rest.partition("/")
    if not (partition.isdecimal() and offset.isdecimal()):
        return None
    return topic, int(partition), int(offset)


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """One line of `orderstream.audit`: who did what to what, and why. Keyed by `job_id`."""

    action: str
    who: str
    at_ms: int
    why: str = ""
    job_id: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_bytes(cls, value: bytes) -> OperatorAction:
        """Parse a record; raises orjson.JSONDecodeError, KeyError or TypeError."""
        read: dict[str, Any] = orjson.loads(value)
        return cls(
            action=read["action"],
            who=read["who"],
            at_ms=read["at_ms"],
            why=read.get("why", ""),
            job_id=read.get("job_id", ""),
            detail=read.get("detail", {}),
        )
