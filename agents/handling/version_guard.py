"""The version guard: may this event be written over what Salesforce has?

Magento gives no monotonic version: `updated_at` has one-second resolution and two saves can tie
(magento reference §3.4). So the order is, in this order:

| compare | older / equal | decision |
|---|---|---|
| `updated_at` | older | superseded |
| content digest | equal | unchanged (no call), unless forced |
| `updated_at` equal, state `new`/`pending` over a later one | | superseded |
| `updated_at` equal, a backfill that is no further on in its life | | superseded |
| `updated_at` equal, origin offset | earlier | superseded |
| otherwise | | send |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from schemas.event import Via
from schemas.state import State

TIMESTAMP = re.compile(r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?$")


class VersionVerdict(StrEnum):
    """What the guard says about an event."""

    SEND = "send"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the guard needs to know of an event. `rank` 0 is new/pending."""

    version: str
    digest: str
    rank: int
    topic: str
    offset: int
    via: Via = Via.LIVE
    is_forced: bool = False

    @property
    def order(self) -> tuple[str, bool, int]:
        """Sort key of events of one order: the last one is the newest."""
        return self.version, self.rank > 0, self.offset


def canonical_version(updated_at: str, received_at_ms: int) -> str:
    """Return `updated_at` as sortable UTC text `YYYY-MM-DD HH:MM:SS[.fff]`.

    Magento writes UTC without a zone. Without a readable `updated_at` the time of receipt stands
    in: it is the only other clock there is.
    """
    match = TIMESTAMP.match(updated_at)
    if match is None:
        moment = datetime.fromtimestamp(received_at_ms / 1000, UTC)
        return moment.strftime("%Y-%m-%d %H:%M:%S")
    date, time, fraction, zone = match.groups()
    if zone in (None, "Z"):
        return f"{date} {time}{fraction or ''}"
    try:
        moment = datetime.fromisoformat(f"{date}T{time}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return f"{date} {time}{fraction or ''}"
    return moment.strftime("%Y-%m-%d %H:%M:%S") + (fraction or "")


def judge(state: State | None, candidate: Candidate) -> VersionVerdict:
    """Decide what to do with an event, given what Salesforce has (None: nothing known)."""
    if state is None:
        return VersionVerdict.SEND
    if candidate.version < state.version:
        return VersionVerdict.SUPERSEDED
    if candidate.digest == state.digest:
        return VersionVerdict.SEND if candidate.is_forced else VersionVerdict.UNCHANGED
    if candidate.version > state.version:
        return VersionVerdict.SEND
    return _judge_tie(state, candidate)


def _judge_tie(state: State, candidate: Candidate) -> VersionVerdict:
    if candidate.rank == 0 and state.rank > 0:
        return VersionVerdict.SUPERSEDED
    if candidate.via is Via.BACKFILL and not candidate.is_forced and candidate.rank <= state.rank:
        return VersionVerdict.SUPERSEDED
    is_same_topic = candidate.topic == state.topic
    if is_same_topic and candidate.offset < state.offset:
        return VersionVerdict.SUPERSEDED
    return VersionVerdict.SEND
