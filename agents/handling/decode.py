"""Intake: consumed envelope → decoded item with everything the version guard needs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from agents.handling.version_guard import Candidate, canonical_version
from schemas.codec import DecodeError, Document, decode
from schemas.digest import content_digest
from schemas.event import Envelope, Kind, Origin
from schemas.order_rank import state_rank
from schemas.state import State, state_key


@dataclass(frozen=True, slots=True)
class DecodedEvent:
    """A decoded event. `origin` is the envelope's, known to be there."""

    envelope: Envelope
    origin: Origin
    document: Document
    candidate: Candidate
    key: bytes

    @property
    def order(self) -> tuple[tuple[str, bool, int], bool]:
        """Sort key among events of one order; of two equal ones the forced one counts."""
        return self.candidate.order, self.candidate.is_forced

    def new_state(self, before: State | None, ids: dict[str, str]) -> State:
        """Return the state to store once Salesforce has this event."""
        return State(
            version=self.candidate.version,
            digest=self.candidate.digest,
            topic=self.origin.topic,
            partition=self.origin.partition,
            offset=self.origin.offset,
            rank=self.candidate.rank,
            ids={**(before.ids if before else {}), **ids},
            entity_id=str(self.document.entity.get("entity_id") or ""),
            first_seen_ms=(before.first_seen_ms if before else 0) or self.envelope.received_at_ms,
        )


def take_in(envelope: Envelope, *, instance: str) -> DecodedEvent:
    """Decode an envelope. Raises DecodeError when it cannot be placed.

    An event that orderstream ignores by name has `document.is_ignored` set.
    """
    origin = envelope.origin
    if origin is None:
        raise DecodeError("the record has no coordinates: it was not consumed from Kafka")
    document = decode(envelope.value, event=envelope.event, instance=instance)
    if not envelope.key and document.key:
        envelope = dataclasses.replace(envelope, key=document.key)
    return item_of(envelope, origin, document)


def item_of(envelope: Envelope, origin: Origin, document: Document) -> DecodedEvent:
    """Return the item of a decoded event: version and digest are those of the document."""
    kind = document.kind or envelope.kind
    candidate = Candidate(
        version=canonical_version(document.updated_at, envelope.received_at_ms),
        digest=content_digest(document.entity),
        rank=state_rank(document.entity) if kind is Kind.ORDER else 0,
        topic=origin.topic,
        offset=origin.offset,
        via=envelope.via,
        is_forced=envelope.is_forced,
    )
    return DecodedEvent(
        envelope=envelope,
        origin=origin,
        document=document,
        candidate=candidate,
        key=state_key(kind, document.key or envelope.key),
    )
