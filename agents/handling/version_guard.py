"""The order of versions: may this event be written over what Salesforce has? Pure.

A transcription of docs/decisions/0018; the first rule that applies decides. "The state" is what
is on record of the key.

| rule | event | decision |
|---|---|---|
| 1 | of a key of which nothing is known, or that was reset | send |
| 2 | a person's correction, over its original, its equals and what is older | send |
| 3 | overruled once (by a correction or by the store), whoever brings it again | superseded |
| 4 | read from the store, and not saved since a person's correction | superseded |
| 5 | a repair, read from the store after the state's event was received | send |
| 6 | older than the state | superseded |
| 7 | the state's content | unchanged (forced: send) |
| 8 | newer than the state | send |
| 9 | of the same second: less far in its life, seen before, or received earlier | superseded |
|   | seen before, and said again by the store (our module reads when it sends) | send |
| 10 | undated: as 9; over a dated state only when it is further on in its life | superseded |

Dated over an undated state: superseded when it was saved before that one was received *and* is less
far in its life or was seen before. What no rule holds back is sent.

A save that tells only a part (schemas/document_parts.py) stands over the whole one beneath it. What
a part supersedes is judged once more, by the whole: if that lets it pass, it is written except for
what the newer parts told ("fill").
"""

from __future__ import annotations

from enum import StrEnum, auto

from schemas.event import Via
from schemas.frozen import dataclass
from schemas.sender_clock import utc_text
from schemas.state import SEEN_DIGITS, UNSURE, State


class VersionVerdict(StrEnum):
    """What the guard says about an event."""

    SEND = auto()
    UNCHANGED = auto()
    SUPERSEDED = auto()
    FILL = auto()


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the guard needs to know of an event.

    `version` is the sender's time, bounded ('' for none); `rank` is None where the document does
    not say how far its order is; `seen_ms` is when it was received, or read from the store; `mark`
    tells this save from others of its key; `corrects` is the mark of what a person has corrected
    by it, at `edited_ms`; `is_completed`: its content was read from the store; `is_part`: it tells
    a part of its document only; `is_current`: at `seen_ms` the store said so, so a content that was
    replaced before then is there again (address edits move no `updated_at`).
    """

    version: str
    digest: str
    rank: int | None
    topic: str
    offset: int
    via: Via = Via.LIVE
    is_forced: bool = False
    partition: int = 0
    seen_ms: int = 0
    mark: str = ""
    corrects: str = ""
    edited_ms: int = 0
    is_completed: bool = False
    is_part: bool = False
    is_current: bool = False

    @property
    def order(self) -> tuple[str, bool, int]:
        """Sort key of events of one order that wait for each other: the last is the newest."""
        return self.time, bool(self.rank), self.offset

    @property
    def time(self) -> str:
        """When it was saved, by its receipt where it does not say so itself."""
        return self.version or utc_text(self.seen_ms)

    @property
    def is_read(self) -> bool:
        """Whether the store was asked for its content."""
        return self.is_completed or self.via is Via.BACKFILL

    @property
    def is_repair(self) -> bool:
        """Whether an operator let it be read from the store, to be written whatever is there."""
        return self.is_forced and self.via is Via.BACKFILL


def judge(state: State | None, candidate: Candidate) -> VersionVerdict:
    """Decide what to do with an event, given what Salesforce has (None: nothing known)."""
    verdict = _judge(state, candidate)
    if verdict is not VersionVerdict.SUPERSEDED or state is None or not state.parts:
        return verdict
    if not candidate.edited_ms and candidate.mark and candidate.mark in state.overruled:
        return verdict
    whole = state.whole
    beneath = _judge(whole, candidate)
    is_later = whole is not None and candidate.version > whole.version
    if beneath is VersionVerdict.SEND or (beneath is VersionVerdict.UNCHANGED and is_later):
        return VersionVerdict.FILL
    return verdict


def told_over(state: State | None, candidate: Candidate) -> frozenset[str] | None:
    """Return what newer parts told of the fields an event would fill; None when it fills none."""
    if state is None or judge(state, candidate) is not VersionVerdict.FILL:
        return None
    version, is_part = candidate.version, candidate.is_part
    newer = (part.told for part in state.parts if part.covers(version, is_part=is_part))
    return frozenset().union(*newer) - {UNSURE}


def _judge(  # noqa: PLR0911 - one return per rule of the table above
    state: State | None, candidate: Candidate
) -> VersionVerdict:
    if state is None or state.is_unknown:
        return VersionVerdict.SEND
    if candidate.edited_ms:
        return _judge_correction(state, candidate)
    if candidate.mark and candidate.mark in state.overruled:
        return VersionVerdict.SUPERSEDED
    if state.edited_ms and candidate.is_read and candidate.time <= state.time:
        return VersionVerdict.SUPERSEDED
    if candidate.is_repair and candidate.seen_ms >= state.seen_ms:
        return VersionVerdict.SEND
    is_dated = bool(candidate.version and state.version)
    if is_dated and candidate.version < state.version:
        return VersionVerdict.SUPERSEDED
    if candidate.digest == state.digest:
        return VersionVerdict.SEND if candidate.is_forced else VersionVerdict.UNCHANGED
    if is_dated and candidate.version > state.version:
        return VersionVerdict.SEND
    return VersionVerdict.SUPERSEDED if _goes_back(state, candidate) else VersionVerdict.SEND


def overrules(state: State | None, candidate: Candidate) -> bool:
    """Whether the org's own rule must be told to let an older time pass."""
    if state is None:
        return False
    return state.is_reset or bool(candidate.version and candidate.version < state.version)


def why_superseded(state: State | None, candidate: Candidate) -> str:
    """Return the reason that a superseded event's result gives."""
    if state is not None and candidate.mark in state.overruled:
        return "this save was overruled: by a person's correction, or by what the store said later"
    if state is not None and state.edited_ms and candidate.is_read:
        return "a person corrected this save; `orderstream reset` undoes it"
    if not candidate.version:
        return "it has no date of its own, and Salesforce has a state that it may not undo"
    return "Salesforce has a newer state of this order"


def trusted(state: State | None, latest: str) -> State | None:
    """Return the state, as reset when its version is later than `latest`: nobody saves tomorrow.

    Such a version was stored by a release that did not bound a sender's clock.
    """
    if state is None or not state.is_ahead_of(latest):
        return state
    return state.as_reset()


def _judge_correction(state: State, candidate: Candidate) -> VersionVerdict:
    if candidate.edited_ms < state.edited_ms and candidate.version <= state.version:
        return VersionVerdict.SUPERSEDED
    if candidate.digest == state.digest:
        return VersionVerdict.SEND if candidate.is_forced else VersionVerdict.UNCHANGED
    here = (candidate.topic, candidate.partition, candidate.offset)
    if here == (state.topic, state.partition, state.offset) or candidate.corrects == state.mark:
        return VersionVerdict.SEND
    is_older = candidate.version < state.version if candidate.version else bool(state.version)
    return VersionVerdict.SUPERSEDED if is_older else VersionVerdict.SEND


def _goes_back(state: State, candidate: Candidate) -> bool:
    """Whether an event that no clock can place would undo what was written after it."""
    here = (candidate.topic, candidate.partition, candidate.offset)
    if not state.digest and here == (state.topic, state.partition, state.offset):
        return False  # announced, and not known to be written: it is the event itself
    is_said_again = candidate.is_current and candidate.seen_ms > state.seen_ms
    is_seen = not is_said_again and candidate.digest[:SEEN_DIGITS] in state.replaced
    is_behind = candidate.rank is not None and candidate.rank < state.rank
    if candidate.version and not state.version:
        return candidate.version < utc_text(state.seen_ms) and (is_seen or is_behind)
    is_ahead = candidate.rank is not None and candidate.rank > state.rank
    if state.version and not candidate.version and not is_ahead:
        return True
    is_copy = candidate.via is Via.BACKFILL and not candidate.is_forced
    is_earlier = candidate.topic == state.topic and candidate.offset < state.offset
    return is_seen or is_behind or ((is_earlier or is_copy) and not is_ahead)
