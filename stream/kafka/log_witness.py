"""Is this still the log that was read? Pure arithmetic over remembered records.

An offset names a record only as long as the log grows. After an unclean election, a restore, a
failover to a mirror, or when a topic was deleted and made again, the same offset holds another
event. So a reader remembers some of the records that it has passed, by offset and identity: the
newest one, and others at distances that about double. They travel in the metadata of the commit,
at most `MAX_RUNGS` of them (Kafka allows 4096 bytes; a rung takes about 25).

| the log | means |
|---|---|
| ends before the position | it went back |
| holds another record where the newest remembered one was | it went back |
| begins after the newest remembered record | retention took it: nothing to compare, believed |
| otherwise | it is the same |

A log that went back is read again from behind the newest remembered record that is still there; if
none is, from its start. What was read before is then read twice, and recognised as a repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from hashlib import blake2b

from schemas.frozen import dataclass

MAX_RUNGS = 40
MARK = "w1"
IDENTITY_BYTES = 6


@dataclass(frozen=True, slots=True)
class Rung:
    """A record that was read: where, and which one."""

    offset: int
    identity: str


@dataclass(slots=True)
class Witness:
    """What a reader remembers of one partition, oldest first."""

    rungs: list[Rung] = field(default_factory=list)

    @property
    def newest(self) -> Rung | None:
        return self.rungs[-1] if self.rungs else None

    def note(self, rung: Rung) -> None:
        """Remember a record behind all others, and thin out the older ones."""
        kept = [known for known in self.rungs if known.offset < rung.offset]
        self.rungs = _thinned([*kept, rung])

    def forget_from(self, offset: int) -> None:
        """Forget the records at and after an offset: the log went back to it."""
        self.rungs = [rung for rung in self.rungs if rung.offset < offset]

    def to_metadata(self) -> str:
        """Return what a commit carries."""
        return ",".join([MARK, *(f"{rung.offset}:{rung.identity}" for rung in self.rungs)])

    @classmethod
    def from_metadata(cls, text: str | None) -> Witness:
        """Parse a commit's metadata; empty for a commit of somebody else."""
        mark, _, rest = (text or "").partition(",")
        if mark != MARK:
            return cls()
        pairs = (part.partition(":") for part in rest.split(",") if part)
        return cls([Rung(int(offset), name) for offset, _, name in pairs if offset.isdecimal()])


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a partition was read, and what is remembered of it."""

    position: int
    witness: Witness


def identity_of(
    *, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]
) -> str:
    """Return which record this is: by its event id, or by its bytes when it has none.

    Not by its time: a broker may write its own.
    """
    for name, raw in headers:
        if name == "event-id" and raw:
            seed = raw
            break
    else:
        seed = b"\0".join((key or b"", value or b""))
    return blake2b(seed, digest_size=IDENTITY_BYTES).hexdigest()


def has_gone_back(
    witness: Witness, position: int, *, log_start: int, end: int, found: str | None
) -> bool:
    """Whether the log is another one than was read. `found`: who is at the newest rung's offset."""
    if position > end:
        return True
    newest = witness.newest
    if newest is None or newest.offset < log_start:
        return False
    return found != newest.identity


def resume_offset(witness: Witness, *, log_start: int, end: int, found: Mapping[int, str]) -> int:
    """Return where a log that went back is read again. `found`: who is at the rungs' offsets."""
    for rung in reversed(witness.rungs):
        if log_start <= rung.offset < end and found.get(rung.offset) == rung.identity:
            return rung.offset + 1
    return log_start


def _thinned(rungs: Sequence[Rung]) -> list[Rung]:
    """Keep the newest record, and of each doubling of the distance to it the oldest."""
    newest = rungs[-1]
    by_distance: dict[int, Rung] = {}
    for rung in reversed(rungs):
        by_distance[(newest.offset - rung.offset).bit_length()] = rung
    return sorted(by_distance.values(), key=lambda rung: rung.offset)[-MAX_RUNGS:]
