"""Events taken together, and which of their writes share a call.

Writes with a common lock go one behind the other inside Salesforce, so a large group of them makes
a slow call. It gets
one of its own, so that a customer with many orders delays only himself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.delivery.call_planner import lock_groups
from agents.handling.intent import Intent
from agents.worker.offset_ledger import HeldEvent
from schemas.event import Envelope, Origin

LARGE_GROUP = 8
LARGEST_GROUPS = 4  # a group is apart when it is this part of the batch: not each of many

Ident = tuple[str, Origin | None]


@dataclass(slots=True, eq=False)
class Call:
    """What goes together: `candidates` as planned, `intents` whose locks it has."""

    candidates: list[Intent] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)


def split_by_lock(intents: Sequence[Intent]) -> list[Call]:
    """Return the calls of a batch: everybody's, and one for a group that would hold it up."""
    locks = [intent.locks for intent in intents]
    if len(set().union(*locks)) == sum(map(len, locks)):  # no two share one: there are no groups
        return [Call([*intents])] if intents else []
    shared, apart = Call(), []
    for group in lock_groups([intent.write_set for intent in intents]):
        members = [intents[place] for place in group]
        is_most = LARGEST_GROUPS * len(members) >= len(intents) > len(members)
        if len(members) >= LARGE_GROUP and is_most:
            apart.append(Call(members))
        else:
            shared.candidates += members
    return [call for call in (shared, *apart) if call.candidates]


@dataclass(slots=True)
class TakenBatch:
    """Events taken together, and which of them have not been answered."""

    events: Sequence[HeldEvent]
    _open: dict[Ident, deque[HeldEvent]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for held in self.events:
            self._open.setdefault(_ident(held.envelope), deque()).append(held)

    def claim(self, envelope: Envelope) -> HeldEvent:
        """Return the event of a decision; each one once."""
        return self._open[_ident(envelope)].popleft()


def event_ids_of(events: Sequence[HeldEvent]) -> list[str]:
    """Return whose events these are, for the crash journal."""
    return [held.envelope.event_id for held in events]


def _ident(envelope: Envelope) -> Ident:
    return envelope.event_id, envelope.origin
