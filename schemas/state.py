"""The order state: what Salesforce has of an order or a customer, one compacted record per key.

Written after Salesforce answered, not before (a state that runs ahead of its effect skips the
redelivered event: measured, kafka reference §1.17); only a state in doubt, which does not skip its
own event, may be written ahead (agents/handling/write_intent.py). A worker keeps the encoded bytes
of a million orders in memory and decodes one when it is asked for, so the encoding is short JSON.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any, Self

import orjson

from schemas.event import Kind
from schemas.frozen import dataclass
from schemas.sender_clock import LATEST_MS, utc_text

# How far the memory of a key reaches: contents that were replaced, events that were overruled.
KEPT_REPLACED = 8
KEPT_OVERRULED = 4
KEPT_PARTS = 4
# How far a worker's clock may be behind, and a sender's before the one that received its event.
BEHIND_MS, AHEAD_MS = 86_400_000, 3_600_000
SEEN_DIGITS = (
    12  # 48 bits: of the last 8 saves of one order, two alike by accident are not expected
)


_STORED: dict[str, type] = {
    **dict.fromkeys("vdtekghwy", str),
    **dict.fromkeys("porfsmx", int),
    "i": dict,
}


UNSURE = "?"  # among the digests of a part that was announced: an older reader takes it for one


@dataclass(frozen=True, slots=True)
class Part:
    """A save that told only a part of its document: when, and digests of the fields it wrote.

    Of one that was announced nobody knows whether it wrote them: it covers what is older, and not
    itself.
    """

    version: str
    told: frozenset[str] = frozenset()

    def covers(self, version: str, *, is_part: bool) -> bool:
        """Whether its fields are newer than a save of that time."""
        is_itself = is_part and UNSURE in self.told and self.version == version
        return not (is_itself or self.is_before(version))

    def is_before(self, version: str) -> bool:
        """Whether it was saved before that; without both dates nobody knows, and it counts."""
        return bool(self.version and version) and self.version < version


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

    `waiting` is the version of the newest save that failed and waits, while it is newer than what
    was written: it may yet be written over what comes in between.

    `parts` are the saves that told only a part, the newest first: while there are any, this is the
    newest of them, and `under` the newest whole save beneath them (None: nobody told a whole one).
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
    waiting: str = ""
    parts: tuple[Part, ...] = ()
    under: State | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known of what Salesforce has, or nobody may go by it."""
        return not (self.version or self.digest or self.seen_ms)

    @property
    def is_doubtful(self) -> bool:
        """Whether a save failed, or may have been written, that is not on record yet."""
        is_beneath = self.under is not None and not self.under.digest
        is_unsure = any(UNSURE in part.told for part in self.parts)
        return not self.digest or bool(self.waiting) or is_beneath or is_unsure

    @property
    def time(self) -> str:
        """The version; while there is none, when a person or a sender last said something."""
        return self.version or utc_text(max(self.seen_ms, self.edited_ms))

    @property
    def whole(self) -> State | None:
        """The newest whole save that Salesforce has, with what is remembered of the key."""
        if not self.parts:
            return None if self.is_unknown else self
        if self.under is None:
            return None
        return replace(self.under, replaced=self.replaced, overruled=self.overruled)

    def is_ahead_of(self, latest: str) -> bool:
        """Whether its version lies in a future that its own receipt does not bear out.

        Who asks may have the wrong clock: what was received up to a day later than that, and saved
        by then, is believed. Taken for the future's, it would let every older save pass.
        """
        if self.version <= latest:
            return False
        if not 0 <= self.seen_ms <= LATEST_MS or utc_text(self.seen_ms - BEHIND_MS) > latest:
            return True
        return self.version > utc_text(self.seen_ms + AHEAD_MS)

    def as_unknown(self) -> Self:
        """Return it with nothing known but whose it is."""
        unknown = replace(self, version="", digest="", rank=0, seen_ms=0, mark="", edited_ms=0)
        return replace(unknown, waiting="", parts=(), under=None)

    def as_unclaimed(self) -> Self:
        """Return it without its document: who claimed the key was never written."""
        return replace(self, entity_id="", site="")

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

    def beneath_in_doubt(self) -> Self:
        """Return it with the whole save beneath its parts in doubt."""
        if self.under is None:
            return self
        replaced = remembered(self.under.digest[:SEEN_DIGITS], self.replaced, KEPT_REPLACED)
        return replace(self, under=replace(self.under, digest=""), replaced=replaced)

    def as_under(self) -> Self:
        """Return what of a whole save is kept beneath a part that came over it."""
        bare = replace(self, ids={}, entity_id="", site="", first_seen_ms=0, is_reset=False)
        return replace(bare, waiting="", replaced=(), overruled=(), parts=(), under=None)

    def to_bytes(self) -> bytes:
        """Return the short JSON that is stored; what is empty is left out."""
        return orjson.dumps(self.as_stored())

    def as_stored(self) -> dict[str, Any]:
        """Return the stored names and values."""
        always = {
            "v": self.version,
            "d": self.digest,
            "t": self.topic,
            "p": self.partition,
            "o": self.offset,
        }
        rarely = {
            "r": self.rank,
            "i": self.ids,
            "e": self.entity_id,
            "f": self.first_seen_ms,
            "s": self.seen_ms,
            "k": self.mark,
            "h": " ".join(self.replaced),
            "w": " ".join(self.overruled),
            "m": self.edited_ms,
            "x": int(self.is_reset),
            "g": self.site,
            "y": self.waiting,
            "l": [[part.version, " ".join(sorted(part.told))] for part in self.parts],
            "u": self.under.as_stored() if self.under else None,
        }
        return always | {name: value for name, value in rarely.items() if value}

    @classmethod
    def from_bytes(cls, value: bytes) -> State:
        """Parse a stored record; raises ValueError for what is no state."""
        try:
            return cls._of(orjson.loads(value))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("no state") from error

    @classmethod
    def _of(cls, read: dict[str, Any]) -> State:
        for name, value in read.items():
            if type(value) is not _STORED.get(name, type(value)):
                raise ValueError("no state")
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
            waiting=read.get("y", ""),
            parts=tuple(Part(at, frozenset(told.split())) for at, told in read.get("l", ())),
            under=cls._of(read["u"]) if "u" in read else None,
        )


def remembered(entry: str, kept: tuple[str, ...], most: int) -> tuple[str, ...]:
    """Return a bounded memory with one more entry, the newest first."""
    if not entry or entry in kept[:1]:
        return kept
    return (entry, *(other for other in kept if other != entry))[:most]


def state_key(kind: Kind, key: str) -> bytes:
    """Return the record key: orders and customers share the topic, not the key space."""
    return f"{kind!s}:{key}".encode()
