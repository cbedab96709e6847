"""Finds a person in the topics: their orders and dead letters, and what Kafka still holds.

One bounded read of everything that keeps payloads. A record is looked into only if the address is
somewhere in its bytes, so a topic is read at about the speed of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.codec import DecodeError, Document, decode
from schemas.event import Kind
from schemas.identity import email_of_buyer
from schemas.operator import mark_of
from stream.config import Settings
from stream.kafka.range_reader import RangeReader, Record, record_envelope
from stream.settings.magento import MagentoSettings


@dataclass(slots=True)
class Held:
    """What one topic holds of the person. Times are unix milliseconds; None: nothing."""

    topic: str
    retention_ms: int | None
    records: int = 0
    oldest_ms: int | None = None
    newest_ms: int | None = None

    def note(self, at_ms: int) -> None:
        self.records += 1
        self.oldest_ms = at_ms if self.oldest_ms is None else min(self.oldest_ms, at_ms)
        self.newest_ms = at_ms if self.newest_ms is None else max(self.newest_ms, at_ms)

    @property
    def first_gone_ms(self) -> int | None:
        """When retention may delete the oldest record."""
        return self._gone(self.oldest_ms)

    @property
    def all_gone_ms(self) -> int | None:
        """When retention may delete the newest record."""
        return self._gone(self.newest_ms)

    def _gone(self, at_ms: int | None) -> int | None:
        if at_ms is None or self.retention_ms is None:
            return None
        return at_ms + self.retention_ms


@dataclass(slots=True)
class PersonTraces:
    """A person in the topics. `letters` are (partition, offset) of dead letters."""

    email: str
    orders: dict[str, int] = field(default_factory=dict)  # key → partition
    letters: list[tuple[int, int]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    records_read: int = 0


async def find_person(
    settings: Settings,
    email: str,
    *,
    since_ms: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> PersonTraces:
    """Return what the topics hold of an address (lower case). Raises BrokerError."""
    found = PersonTraces(email)
    async with RangeReader(settings) as reader:
        topics = settings.topics
        tiers = await reader.topics_starting(topics.retry_prefix)
        names = [*topics.facts, *tiers, topics.due, topics.settle, topics.dead_letters]
        names.append(topics.results)
        spans = await reader.spans(names, since_ms=since_ms)
        total = sum(span.size for span in spans)
        kept = {spec.name: spec.config.get("retention.ms") for spec in topics.specs()}
        held = {name: Held(name, _number(kept.get(name))) for name in names}
        # Facts first: they name the orders whose copies and outcomes are looked for afterwards.
        first = [span for span in spans if span.topic in topics.facts]
        for group in (first, [span for span in spans if span not in first]):
            async for batch in reader.read(group):
                for record in batch:
                    _look_at(record, found, held[record.topic], settings)
                found.records_read += len(batch)
                progress(found.records_read, total)
    found.held = [item for item in held.values() if item.records]
    return found


def _look_at(record: Record, found: PersonTraces, held: Held, settings: Settings) -> None:
    key = (record.key or b"").decode(errors="replace")
    value = record.value or b""
    people = settings.identity.keys_of_email(found.email)
    is_about = key.lower() in people or key in found.orders
    if not is_about and found.email.encode() not in value.lower():
        return
    if record.topic != settings.topics.results:
        if mark_of(record.headers, value) is not None:
            return
        owner = _owner(record, settings)
        if owner is not None and owner.kind is Kind.ORDER:
            if email_of_buyer(owner.entity) != found.email:
                return
            found.orders[owner.key] = record_envelope(record).origin.partition  # type: ignore[union-attr]
        elif not is_about and owner is not None and owner.key not in people:
            return
        if record.topic == settings.topics.dead_letters:
            found.letters.append((record.partition, record.offset))
    held.note(record.timestamp)


def _owner(record: Record, settings: MagentoSettings) -> Document | None:
    """Return the document of a record; None for one that cannot be read."""
    envelope = record_envelope(record)
    try:
        return decode(envelope.value, event=envelope.event, identity=settings.identity)
    except DecodeError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and int(text) >= 0 else None
