"""Intake: consumed envelope → decoded item with everything the version guard needs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from agents.handling.version_guard import Candidate, overrules
from agents.mapping.apply import Mapped
from agents.mapping.mapping import Mapping as RecordMapping
from schemas.codec import DecodeError, Document, decode
from schemas.digest import content_digest, save_mark
from schemas.document_shape import id_of
from schemas.event import Envelope, Kind, Origin
from schemas.identity import Identity, folded, site_of
from schemas.order_rank import state_rank
from schemas.sender_clock import TOLERANCE_SECONDS, SenderTime, sender_time
from schemas.state import (
    KEPT_OVERRULED,
    KEPT_REPLACED,
    SEEN_DIGITS,
    State,
    remembered,
    state_key,
)
from schemas.texts import text_of


@dataclass(frozen=True, slots=True)
class DecodedEvent:
    """A decoded event. `origin` is the envelope's, known to be there."""

    envelope: Envelope
    origin: Origin
    document: Document
    candidate: Candidate
    key: bytes
    clock: SenderTime
    base: State | None = None  # what the events before it in its batch would have left

    @property
    def notes(self) -> tuple[str, ...]:
        """What its result says of its clock, and of who made it."""
        edit = "a person's correction" if self.candidate.edited_ms else ""
        return tuple(note for note in (self.clock.note, edit) if note)

    @property
    def entity_id(self) -> str:
        """The store's own id of the order or customer; '' when the event does not say."""
        entity = self.document.entity
        if self.document.kind is Kind.ORDER:  # a bare `id` may be the sender's own
            return text_of(entity.get("entity_id"))
        return id_of(entity)

    @property
    def site(self) -> str:
        """The store view of an order, the website of a customer; '' when the event is silent."""
        return site_of(self.document.entity)

    def new_state(self, before: State | None, ids: dict[str, str]) -> State:
        """Return the state to store once Salesforce has this event."""
        event = self.candidate
        before = self.base or before
        had = before or _NOTHING
        replaced = remembered(had.digest[:SEEN_DIGITS], had.replaced, KEPT_REPLACED)
        overruled = remembered(event.corrects, had.overruled, KEPT_OVERRULED)
        is_itself = had.mark == event.mark  # foreseen, or the same save again
        if not event.edited_ms and overrules(before, event) and not is_itself:
            overruled = remembered(had.mark, overruled, KEPT_OVERRULED)
        return State(
            version=event.version or had.version,
            digest=event.digest,
            topic=self.origin.topic,
            partition=self.origin.partition,
            offset=self.origin.offset,
            rank=had.rank if event.rank is None else event.rank,
            ids={**had.ids, **ids},
            entity_id=self.entity_id or had.entity_id,
            site=self.site or had.site,
            first_seen_ms=had.first_seen_ms or self.envelope.received_at_ms,
            seen_ms=event.seen_ms,
            mark=event.mark,
            replaced=tuple(old for old in replaced if old != event.digest[:SEEN_DIGITS]),
            overruled=overruled,
            edited_ms=event.edited_ms,
        )

    def mapped_by(self, mapping: RecordMapping, tolerance_seconds: float) -> Mapped:
        """Return its rows; worker and preview ask here. Raises MappingError, nothing else."""
        mapped = mapping.apply(
            self.document,
            received_at_ms=self.envelope.received_at_ms,
            read_at_ms=self.candidate.seen_ms,
            tolerance_seconds=tolerance_seconds,
        )
        return _of_a_customer(mapped, self.document)


def _of_a_customer(mapped: Mapped, document: Document) -> Mapped:
    """Return the rows, each customer's record with the store's id of its customer."""
    customer_id = document.customer_id
    if not customer_id:
        return mapped
    key, is_own = folded(document.customer_key), document.kind is Kind.CUSTOMER
    rows = tuple(
        dataclasses.replace(row, customer_id=customer_id, is_own=is_own)
        if folded(row.external_id) == key
        else row
        for row in mapped.rows
    )
    return dataclasses.replace(mapped, rows=rows)


_NOTHING = State("", "", "", -1, -1)


def take_in(
    envelope: Envelope, *, identity: Identity, tolerance_seconds: float = TOLERANCE_SECONDS
) -> DecodedEvent:
    """Decode an envelope. Raises DecodeError when it cannot be placed.

    An event that orderstream ignores by name has `document.is_ignored` set.
    """
    origin = envelope.origin
    if origin is None:
        raise DecodeError("the record has no coordinates: it was not consumed from Kafka")
    document = decode(envelope.value, event=envelope.event, identity=identity)
    if not envelope.key and document.key:
        envelope = dataclasses.replace(envelope, key=document.key)
    return item_of(envelope, origin, document, tolerance_seconds=tolerance_seconds)


def item_of(
    envelope: Envelope,
    origin: Origin,
    document: Document,
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
    read_at_ms: int = 0,
) -> DecodedEvent:
    """Return the item of a decoded event: version and digest are those of the document.

    `read_at_ms`: when the document was read from the store in the event's stead.
    """
    kind = document.kind or envelope.kind
    seen_ms = read_at_ms or envelope.received_at_ms
    saved = sender_time(document.updated_at, seen_ms, tolerance_seconds=tolerance_seconds)
    digest = content_digest(document.entity)
    candidate = Candidate(
        version=saved.version,
        digest=digest,
        rank=state_rank(document.entity) if kind is Kind.ORDER else 0,
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        via=envelope.via,
        is_forced=envelope.is_forced,
        seen_ms=seen_ms,
        mark=save_mark(digest, document.updated_at),
        corrects=envelope.corrects,
        edited_ms=envelope.edited_at_ms or 0,
        is_completed=bool(read_at_ms),
    )
    return DecodedEvent(
        envelope=envelope,
        origin=origin,
        document=document,
        candidate=candidate,
        key=state_key(kind, document.key or envelope.key),
        clock=saved,
    )
