"""Intake: consumed envelope → decoded item with everything the version guard needs."""

from __future__ import annotations

from agents.handling.version_guard import Candidate, overrules
from agents.mapping.apply import Mapped
from agents.mapping.mapping import Mapping as RecordMapping
from schemas.codec import DecodeError, Document, decode
from schemas.digest import content_digest, save_mark
from schemas.document_parts import is_whole, said_names
from schemas.event import Envelope, Kind, Origin, Via, event_id_time_ms
from schemas.frozen import dataclass, replace
from schemas.identity import Identity, site_of, told_id
from schemas.operator_signature import has_no_headers
from schemas.order_rank import state_rank
from schemas.sender_clock import TOLERANCE_SECONDS, Clock, SenderTime, sender_time
from schemas.state import (
    KEPT_OVERRULED,
    KEPT_PARTS,
    KEPT_REPLACED,
    SEEN_DIGITS,
    UNSURE,
    Part,
    State,
    remembered,
    state_key,
)
from stream.backfill.event import SENDER
from stream.sender_names import Sender

WHOLE = frozenset[str]()
_FILLED = "a newer event told a part: only what that left out is written"


@dataclass(frozen=True, slots=True)
class DecodedEvent:
    """A decoded event. `origin` is the envelope's, known to be there.

    `entity_id` is the store's own id of the order or customer, `site` the store view of an order,
    the website of a customer; '' when the event does not say.
    """

    envelope: Envelope
    origin: Origin
    document: Document
    candidate: Candidate
    key: bytes
    clock: SenderTime
    entity_id: str
    site: str
    base: State | None = None  # what the events before it in its batch would have left
    told_over: frozenset[str] | None = None  # of an older save: what newer parts told of its fields

    @property
    def notes(self) -> tuple[str, ...]:
        """What its result says of its clock, of who made it, and of what is newer."""
        if self.clock.clock is Clock.GOOD and not self.candidate.edited_ms:
            return () if self.told_over is None else (_FILLED,)
        edit = "a person's correction" if self.candidate.edited_ms else ""
        late = _FILLED if self.told_over is not None else ""
        return tuple(note for note in (self.clock.note, edit, late) if note)

    @property
    def parts_said(self) -> frozenset[str]:
        """What a save that tells only a part says; whole ones are alike."""
        return said_names(self.document.entity) if self.candidate.is_part else WHOLE

    def is_at_home(self, came: Envelope) -> bool:
        """Whether it came to the one worker of its document's key.

        Not what was accepted under an older rule of keys, nor what something else wrote and a
        person requeued: with no key, of another kind, or by another rule of partitions.
        """
        return came.key in ("", self.document.key) and not has_no_headers(came)

    def may_have_moved(self, state: State | None) -> bool:
        """Whether a customer's records may have another key though the state has this content.

        An e-mail that was changed and changed back comes as the same content, saved later. The key
        in between is another worker's, and its word of the renaming may still be on its way.
        """
        is_later = state is not None and self.candidate.version > state.version
        is_customer = self.document.kind is Kind.CUSTOMER and bool(self.document.customer_id)
        return is_customer and is_later

    def new_state(
        self, before: State | None, ids: dict[str, str], told: frozenset[str] = frozenset()
    ) -> State:
        """Return the state to store once Salesforce has this event.

        `told`: digests of the fields it wrote, remembered of a save that tells only a part.
        """
        before = self.base or before
        state = self._state(before, ids, told)
        waiting = before.waiting if before is not None else ""
        version = self.candidate.version
        is_behind = waiting > version or (self.candidate.is_part and waiting != version)
        still = waiting if is_behind else ""
        return state if state.waiting == still else replace(state, waiting=still)

    def _state(self, before: State | None, ids: dict[str, str], told: frozenset[str]) -> State:
        if self.told_over is not None and before is not None and before.parts:
            return self._filled(before, ids, told)
        state = self._saved(before, ids)
        if not self.candidate.is_part:
            return state
        older, whole = (before.parts, before.whole) if before is not None else ((), None)
        if before is not None and older and before.digest == state.digest:
            told |= older[0].told  # the same save again
        parts = _kept(self._part(told), *older)
        return replace(state, parts=parts, under=whole and whole.as_under())

    def _filled(self, before: State, ids: dict[str, str], told: frozenset[str]) -> State:
        """Return the state with this save beneath the newer parts."""
        version = before.version or self.candidate.version
        state = replace(before, version=version, ids={**before.ids, **ids})
        newest, *older = before.parts
        if self.candidate.is_part:
            overruled = remembered(self.candidate.corrects, before.overruled, KEPT_OVERRULED)
            parts = (newest, *_kept(self._part(told), *older))
            return replace(state, parts=_bounded(parts), overruled=overruled)
        beneath = self._saved(before.whole or before.as_unknown(), {})
        # The newer parts stand over it: within their second, a copy of it goes back behind them.
        digest = self.candidate.digest[:SEEN_DIGITS]
        replaced = remembered(digest, beneath.replaced, KEPT_REPLACED)
        later = (part for part in older if not part.is_before(self.candidate.version))
        return replace(
            state,
            parts=(newest, *later),
            under=beneath.as_under(),
            replaced=replaced,
            overruled=beneath.overruled,
        )

    def _part(self, told: frozenset[str]) -> Part:
        return Part(self.candidate.version, told)

    def _saved(self, before: State | None, ids: dict[str, str]) -> State:
        """Return the state with this save over what was there."""
        event = self.candidate
        had = before or _NOTHING
        replaced = remembered(had.digest[:SEEN_DIGITS], had.replaced, KEPT_REPLACED)
        if replaced:
            digest = event.digest[:SEEN_DIGITS]
            replaced = tuple(old for old in replaced if old != digest)
        overruled = remembered(event.corrects, had.overruled, KEPT_OVERRULED)
        for one in (had.whole, before) if before is not None and not event.edited_ms else ():
            is_itself = one is not None and one.mark == event.mark  # foreseen, or the same again
            if one is not None and overrules(one, event) and not is_itself:
                overruled = remembered(one.mark, overruled, KEPT_OVERRULED)
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
            replaced=replaced,
            overruled=overruled,
            edited_ms=event.edited_ms,
        )

    def mapped_by(self, mapping: RecordMapping, tolerance_seconds: float) -> Mapped:
        """Return its rows; worker and preview ask here. Raises MappingError, nothing else."""
        return mapping.apply(
            self.document,
            received_at_ms=self.envelope.received_at_ms,
            read_at_ms=self.candidate.seen_ms,
            tolerance_seconds=tolerance_seconds,
        )


def _kept(part: Part, *others: Part) -> tuple[Part, ...]:
    """Return a part before the others, without those that it says itself, and later."""
    return _bounded((part, *(one for one in others if not _is_said_by(part, one))))


def _is_said_by(part: Part, other: Part) -> bool:
    return other.told - {UNSURE} <= part.told and not part.is_before(other.version)


def _bounded(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return as many parts as are remembered: the oldest become one, at the time of the later."""
    kept, rest = parts[: KEPT_PARTS - 1], parts[KEPT_PARTS - 1 :]
    if len(rest) <= 1:
        return parts
    is_undated = not all(part.version for part in rest)
    version = "" if is_undated else max(part.version for part in rest)
    return (*kept, Part(version, frozenset().union(*(part.told for part in rest)) - {UNSURE}))


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
        envelope = replace(envelope, key=document.key)
    return item_of(
        envelope,
        origin,
        document,
        tolerance_seconds=tolerance_seconds,
        read_at_ms=_read_at_ms(envelope),
    )


def _read_at_ms(envelope: Envelope) -> int:
    """Return when an event's content was read from the store in its stead, 0 for any other.

    What was completed and goes on under its own key was received with its notice, perhaps long
    before; its id was made when it had been read.
    """
    is_completed = envelope.sender == SENDER and envelope.via is not Via.BACKFILL
    return (event_id_time_ms(envelope.event_id) or 0) if is_completed else 0


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
        # What was read from the store is as whole as it has it.
        # Our module sends what it has just read, never a body that it kept.
        is_current=envelope.sender == Sender.MODULE,
        is_part=not (read_at_ms or envelope.via is Via.BACKFILL or is_whole(kind, document.entity)),
    )
    return DecodedEvent(
        envelope=envelope,
        origin=origin,
        document=document,
        candidate=candidate,
        key=state_key(kind, document.key or envelope.key),
        clock=saved,
        entity_id=told_id(document.entity, document.kind),
        site=site_of(document.entity),
    )
