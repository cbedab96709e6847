"""What the handler has decided to write, and has not sent yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container, Hashable, Sequence
from dataclasses import field

from agents.delivery.call_planner import locks_of
from agents.delivery.renaming import ADDRESS_HELD
from agents.delivery.types import WriteSet
from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision
from agents.handling.parking import times_parked
from agents.mapping.apply import Mapped
from schemas.event import Envelope, Via
from schemas.frozen import dataclass
from schemas.priority import Priority
from schemas.state import State
from stream.backfill.event import SENDER

BREATH_EVENTS, BREATH_SECONDS = 4, 0.002
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
        envelope = self.item.envelope
        self.write_set = WriteSet(
            key=envelope.key,
            rows=self.records.rows,
            lock_key=self.records.lock_key,
            priority=PRIORITIES[envelope.via],
            lines=self.records.lines,
            exists=self.exists,
            waited=times_parked(envelope, ADDRESS_HELD) if envelope.parked_for else 0,
        )
        self.locks = frozenset((self.item.key, *locks_of(self.write_set)))

    @property
    def customer(self) -> str:
        """Whose orders share most of its locks."""
        return self.item.document.customer_key


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of a batch before any call: decisions, and what is to be written.

    `later` is to be prepared again when what is written of its key is over; `behind`, by customer,
    when the customer's line is shorter.
    """

    decisions: list[Decision]
    intents: list[Intent] = field(default_factory=list)
    later: list[Envelope] = field(default_factory=list)
    behind: list[tuple[str, Envelope]] = field(default_factory=list)


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


def behind_lines(
    items: Sequence[DecodedEvent], contested: Container[bytes], is_long: Callable[[str], bool]
) -> tuple[list[DecodedEvent], list[tuple[str, Envelope]]]:
    """Return whose customer has no long line, and the others.

    Only what will be judged alike when it is prepared alone stands behind, and what costs the store
    nothing to prepare again.
    """
    rest, behind = [], []
    for item in items:
        is_asked_for = item.candidate.is_completed and item.envelope.sender != SENDER
        is_bound = item.base is not None or item.key in contested or is_asked_for
        if not is_bound and is_long(customer := item.document.customer_key):
            behind.append((customer, item.envelope))
        else:
            rest.append(item)
    return rest, behind


class Breath:
    """Lets the loop turn now and then: others' calls are to go on beside a large batch."""

    _until = 0.0  # of all batches together

    async def __call__(self, number: int) -> None:
        """Let others go on, behind the n-th event, if nobody has for a while."""
        if number % BREATH_EVENTS == 0 and time.monotonic() >= self._until:
            await asyncio.sleep(0)
            self._until = time.monotonic() + BREATH_SECONDS


breathe = Breath()
