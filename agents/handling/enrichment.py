"""Enrichment, optional: events that do not carry their order are completed by Magento's REST API.

| event | completed because |
|---|---|
| an order that lacks a part which the mapping reads | a notification, or a part of it |
| an order without its number, unless its id is all it says | it may have another name here |
| an order whose rows have no ids | saved before its transaction was committed, or rolled back |
| a customer without names or addresses that the mapping reads | a notification |
| any that would be superseded, of a sender whose clock is behind | its time tells nothing |

In batches, a few calls per batch of events. The store away costs nobody an attempt: the events wait
in the first retry tier. An order that the store does not have, or not yet in the state the event
tells of, costs an attempt: if it was rolled back, it ends as a dead letter that says so. What comes
back takes the place of the event's content before digest and version are computed, so a stale
event completed late is the newest state, and unchanged content is still seen as unchanged. Of a
person's correction only what it leaves out is the store's.

An event that names its order by `entity_id` alone is keyed by it, and so in another partition than
the order's other events, which another worker may have in hand. It ends here as superseded, and
goes on as an event of the order's number (`agents.handling.outcome.moved`). The same for a
customer whose e-mail has changed since.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson
import structlog

from agents.delivery.types import NotSent
from agents.handling.decode import DecodedEvent, item_of
from agents.handling.outcome import Decision, Notes
from agents.handling.outcome_rules import OutcomeRules
from agents.handling.version_guard import VersionVerdict, judge
from agents.mapping.reads import Reads
from schemas.codec import DecodeError, Document, decode, key_of
from schemas.document.other_numbers import perhaps_its_number
from schemas.document.shape import number_of
from schemas.event import Kind
from schemas.identity import PLAIN, Identity, has_two_ids, site_of
from schemas.parts import parts_of
from schemas.sender_clock import TOLERANCE_SECONDS, Clock, sender_time
from schemas.texts import identifier, text_of
from stream.backfill.event import RESOURCES, SENDER
from stream.backoff import Backoff
from stream.errors import MagentoError
from stream.magento.client import MagentoRest, Patience
from stream.magento.paging import having
from stream.ops import metrics
from stream.ops.alerts import Alert, Alerts

log = structlog.get_logger()

Enrich: TypeAlias = Callable[
    [Sequence[DecodedEvent], OutcomeRules, list[Decision]], Awaitable[list[DecodedEvent]]
]

# A worker must not hold a batch for long: whoever cannot be completed now waits in a retry tier.
SHORT_PATIENCE = Patience(attempts=2, backoff=Backoff(first_seconds=0.5, cap_seconds=1.0))
DEADLINE_SECONDS = 20.0  # of completing one batch
AWAY_SECONDS = 5.0  # a store that did not answer is not asked again before this
LONG_AWAY_SECONDS = 300.0  # then a person is told; at once of what only a person changes
REFUSED = frozenset({401, 403, 404})

AMBIGUOUS = "SEVERAL_DOCUMENTS_ONE_KEY"
WHICH = "and nothing in the event tells which is meant: see docs/identity.md"
NO_ID = (None, 0, "", "0")
# Fields that find the document, the most exact first.
ID_FIELDS = {
    Kind.ORDER: ("entity_id", "increment_id"),
    Kind.CUSTOMER: ("entity_id", "email"),
}


def is_incomplete(kind: Kind, entity: Mapping[str, Any], reads: Reads) -> bool:
    """Whether an event's content must be read from the store."""
    if reads.lacks_a_part(kind, entity):
        return True
    if kind is Kind.ORDER and perhaps_its_number(entity):
        return True
    rows = entity.get("items")
    if kind is Kind.CUSTOMER or not isinstance(rows, list):
        return False
    return any(isinstance(row, dict) and _lacks_id(row) for row in rows)


def _lacks_id(row: Mapping[str, Any]) -> bool:
    return "item_id" in row and row["item_id"] in NO_ID


def handle_of(kind: Kind, entity: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return (field, value) by which the store finds the document; None when there is none."""
    is_numbered = kind is Kind.ORDER and bool(number_of(entity))
    names = ID_FIELDS.get(kind, ())
    for name in names[1:] if has_two_ids(entity, kind) else names:
        value = identifier(entity.get(name))
        # Beside a number a bare id may be of a flow's own table, and is of another order here.
        if name == "entity_id" and not value and not is_numbered:
            value = identifier(entity.get("id"))
        if name == "increment_id" and not value:
            value = number_of(entity)
        if value and (name != "entity_id" or value.isdecimal()):
            return name, value.lower()
    return None


@dataclass(slots=True)
class Enricher:
    """Completes items. `clock` is any monotonic clock in seconds."""

    magento: MagentoRest
    reads: Callable[[Kind], Reads]
    identity: Identity = PLAIN
    alerts: Alerts = field(default_factory=Alerts)
    page_size: int = 100
    deadline_seconds: float = DEADLINE_SECONDS
    clock: Callable[[], float] = time.monotonic
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    tolerance_seconds: float = TOLERANCE_SECONDS
    _away_until: float = field(default=float("-inf"))
    _away_reason: str = ""
    _away_since: float | None = None

    async def enrich(
        self, items: Sequence[DecodedEvent], ends: OutcomeRules, decisions: list[Decision]
    ) -> list[DecodedEvent]:
        """Return what can go on; what cannot gets its decision here. Never raises."""
        complete: list[DecodedEvent] = []
        handles: dict[int, tuple[Kind, str, str]] = {}
        for place, item in enumerate(items):
            kind = item.document.kind or item.envelope.kind
            handle = handle_of(kind, item.document.entity)
            if handle is None or not self._is_wanted(item, kind, ends):
                complete.append(item)
            else:
                handles[place] = kind, *handle
        if not handles:
            return complete
        try:
            found = await self._fetch(list(handles.values()))
        except MagentoError as error:
            reason = f"waits for Magento: {error}"
            log.warning("enrichment_waits", events=len(handles), reason=str(error))
            for place in handles:
                waits = ends.not_sent(items[place], NotSent(reason), ends.clock_ms(), Notes())
                decisions.append(waits)
            metrics.ENRICHED.labels("waiting").inc(len(handles))
            return complete
        for place, wanted in handles.items():
            several = self._meant(items[place], wanted[1], found.get(wanted, []))
            if len(several) > 1:
                name = wanted[0].value
                why = f"two {name}s have this number or e-mail in the store, {WHICH}"
                decisions.append(ends.dead(items[place].envelope, AMBIGUOUS, why))
                metrics.COLLISIONS.labels(name).inc()
                continue
            done = self._completed(items[place], several[0] if several else None)
            if isinstance(done, str):
                decisions.append(ends.not_there_yet(items[place], "NOT_IN_MAGENTO", done))
                metrics.ENRICHED.labels("absent").inc()
            elif done.document.key != done.envelope.key:
                decisions.append(ends.moved(done))
                metrics.ENRICHED.labels("moved").inc()
            else:
                complete.append(done)
                metrics.ENRICHED.labels("completed").inc()
        return complete

    def _is_wanted(self, item: DecodedEvent, kind: Kind, ends: OutcomeRules) -> bool:
        """Whether the store is asked; what came from it is as whole as it has it."""
        if item.envelope.sender == SENDER:
            return False
        if is_incomplete(kind, item.document.entity, self.reads(kind)):
            return True
        return item.clock.clock is Clock.BEHIND and _loses(item, ends)

    async def _fetch(
        self, handles: Sequence[tuple[Kind, str, str]]
    ) -> dict[tuple[Kind, str, str], list[dict[str, Any]]]:
        """Return the documents by handle. Raises MagentoError when the store is away."""
        if self.clock() < self._away_until:
            raise MagentoError(self._away_reason)
        found: dict[tuple[Kind, str, str], list[dict[str, Any]]] = {}
        try:
            async with asyncio.timeout(self.deadline_seconds):
                for kind, name, values in _batches(handles, self.page_size):
                    for document in await having(self.magento, RESOURCES[kind], name, values):
                        handle = handle_of(kind, document) if name == "entity_id" else None
                        value = handle[1] if handle else text_of(document.get(name)).lower()
                        found.setdefault((kind, name, value), []).append(document)
        except (MagentoError, TimeoutError) as error:
            self._away_until = self.clock() + AWAY_SECONDS
            self._away_reason = str(error) or "no answer in time"
            self._tell(error)
            raise MagentoError(self._away_reason) from None
        if self._away_since is not None:
            self._away_since = None
            self.alerts.resolve(Alert.STORE_AWAY)
        return found

    def _tell(self, error: MagentoError | TimeoutError) -> None:
        now = self.clock()
        self._away_since = now if self._away_since is None else self._away_since
        is_refused = isinstance(error, MagentoError) and error.status in REFUSED
        if is_refused or now - self._away_since >= LONG_AWAY_SECONDS:
            detail = f"{self._away_reason}; events that the store has to complete wait"
            self.alerts.fire(Alert.STORE_AWAY, detail)

    def _meant(
        self, item: DecodedEvent, by: str, documents: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return the documents that the event may be of: several orders may have one number."""
        if by == "entity_id":
            return documents
        kind, key = item.document.kind or item.envelope.kind, item.document.key
        fitting = [one for one in documents if _key(one, kind, self.identity) == key]
        return [one for one in fitting if site_of(one) == item.site] or fitting

    def _completed(self, item: DecodedEvent, document: dict[str, Any] | None) -> DecodedEvent | str:
        """Return the item with the store's content, or why there is none."""
        kind = item.document.kind or item.envelope.kind
        if document is None:
            return (
                f"the store has no such {kind.value}: it is not committed yet, was rolled back "
                "or deleted"
            )
        saved = sender_time(
            text_of(document.get("updated_at")),
            self.clock_ms(),
            tolerance_seconds=self.tolerance_seconds,
        )
        # The store's columns have whole seconds, what a program sends may have more.
        is_behind = saved.version < item.candidate.version.partition(".")[0]
        if is_behind and item.clock.clock in (Clock.GOOD, Clock.ZONE, Clock.BEHIND):
            return f"the store still shows the {kind.value} as it was before this event"
        if self.reads(kind).says_nothing(document):
            return f"the store's own {kind.value} has no content: check the integration's rights"
        try:
            read = decode(
                orjson.dumps(document), event=f"{kind.value}_saved", identity=self.identity
            )
        except DecodeError as error:
            return f"the store's own {kind.value} cannot be used: {error}"
        return item_of(
            item.envelope,
            item.origin,
            _as_told(item, read),
            tolerance_seconds=self.tolerance_seconds,
            read_at_ms=self.clock_ms(),
        )


def _loses(item: DecodedEvent, ends: OutcomeRules) -> bool:
    state = ends.get_state(item.origin.partition, item.key)
    return judge(state, item.candidate) is VersionVerdict.SUPERSEDED


def _as_told(item: DecodedEvent, read: Document) -> Document:
    """Return the store's document as the event's; what a person has corrected stands above it."""
    read = dataclasses.replace(read, event=item.document.event)
    if not item.candidate.edited_ms:
        return read
    said = {name: value for name, value in item.document.entity.items() if value is not None}
    updated_at = item.document.updated_at or read.updated_at
    return dataclasses.replace(read, entity={**read.entity, **said}, updated_at=updated_at)


def _key(document: dict[str, Any], kind: Kind, identity: Identity) -> str:
    try:
        return key_of(document, kind, identity)
    except DecodeError:
        return ""


def _batches(
    handles: Sequence[tuple[Kind, str, str]], size: int
) -> Iterator[tuple[Kind, str, Sequence[str]]]:
    groups: dict[tuple[Kind, str], list[str]] = {}
    for kind, name, value in dict.fromkeys(handles):
        groups.setdefault((kind, name), []).append(value)
    for (kind, name), values in groups.items():
        for part in parts_of(values, size):
            yield kind, name, part
