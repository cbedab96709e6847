"""What the handler has decided to write, and has not sent yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from agents.delivery.call_planner import locks_of
from agents.delivery.types import WriteSet
from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision
from agents.mapping.apply import Mapped
from schemas.event import Envelope, Via
from schemas.priority import Priority
from schemas.state import State

PRIORITIES = {
    Via.LIVE: Priority.LIVE,
    Via.REQUEUE: Priority.REPLAY,
    Via.REPLAY: Priority.REPLAY,
    Via.BACKFILL: Priority.BACKFILL,
}


@dataclass(slots=True, eq=False)
class Intent:
    """One mapped event on its way to Salesforce. `locks`: no two calls in flight share one."""

    item: DecodedEvent
    records: Mapped
    mapping_version: str
    is_contested: bool = False
    exists: frozenset[str] = frozenset()
    write_set: WriteSet = field(init=False)
    locks: frozenset[Hashable] = field(init=False)

    def __post_init__(self) -> None:
        self.write_set = WriteSet(
            key=self.item.envelope.key,
            rows=self.records.rows,
            lock_key=self.records.lock_key,
            priority=PRIORITIES[self.item.envelope.via],
            lines=self.records.lines,
            exists=self.exists,
        )
        self.locks = frozenset((self.item.key, *locks_of(self.write_set)))


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of a batch before any call: decisions, and what is to be written.

    `later` is to be prepared again when what is written of its key is over.
    """

    decisions: list[Decision]
    intents: list[Intent] = field(default_factory=list)
    later: list[Envelope] = field(default_factory=list)


def intents_of(
    mapped: Sequence[tuple[DecodedEvent, Mapped]],
    mapping_version: str,
    contested: set[bytes],
    get_state: Callable[[int, bytes], State | None],
) -> list[Intent]:
    """Return what is to be written; the state tells which sObjects of it Salesforce has."""
    intents = []
    for item, records in mapped:
        state = get_state(item.origin.partition, item.key)
        exists = frozenset(state.ids) if state else frozenset()
        is_contested = item.key in contested
        intents.append(Intent(item, records, mapping_version, is_contested, exists))
    return intents


async def breathe(number: int) -> None:
    """Let the loop turn now and then: who blocks it with a large batch is taken for frozen."""
    if number % 64 == 0:
        await asyncio.sleep(0)
