"""Finds a person in the topics: their orders and dead letters, and what Kafka still holds.

One bounded read of every topic. Each record is decoded and brought into one spelling before it is
searched (`schemas/person.py`): the bytes of an address are not the same from every sender.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import DecodeError, Document, decode
from schemas.event import Kind
from schemas.identity import email_of_buyer, sent_email
from schemas.operator import mark_of
from schemas.person import OWN_ID_FIELDS, Person, customer_ids_in
from schemas.state import State, state_key
from stream.config import Settings
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import OffsetRange, RangeReader, Record, record_envelope
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
    """A person in the topics. `letters` are (partition, offset) of dead letters.

    `person` knows what the customer's own documents add: former addresses, the customer's id.
    `customer_keys` are the keys of their states, as the store spelled the address. `unread`: the
    partitions that did not answer, and why; what they hold may tie more to the person. `broken`:
    the places that nobody can read, however long one waits.
    """

    person: Person
    orders: dict[str, int] = field(default_factory=dict)  # key → partition
    customer_keys: set[str] = field(default_factory=set)
    letters: list[tuple[int, int]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    unread: dict[tuple[str, int], str] = field(default_factory=dict)
    broken: dict[tuple[str, int], str] = field(default_factory=dict)
    records_read: int = 0


async def find_person(
    settings: Settings,
    person: Person,
    *,
    since_ms: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> PersonTraces:
    """Return what the topics hold of a person. Raises BrokerError."""
    async with PassingReader(settings) as reader:
        topics = settings.topics
        names = [spec.name for spec in topics.specs()]
        names += sorted(set(await reader.topics_starting(topics.retry_prefix)) - set(names))
        spans, silent = await reader.known_spans(names, since_ms=since_ms)
        states, silent_states = await reader.known_spans([topics.state])  # of all time
        kept = {spec.name: spec.config.get("retention.ms") for spec in topics.specs()}
        held = {name: Held(name, _number(kept.get(name))) for name in names}
        customers = [span for span in spans if span.topic == topics.customers]
        ties = await ties_of_states(reader, states)
        found = PersonTraces(await _everything_of(reader, ties, customers, person, settings))
        found.unread = silent | silent_states
        for email in found.person.emails:
            found.customer_keys.update(settings.identity.keys_of_email(email))
        # Facts first: they name the orders whose copies and outcomes are looked for afterwards.
        first = [span for span in spans if span.topic in topics.facts]
        rest = [span for span in spans if span.topic not in (*topics.facts, topics.state)] + states
        total = sum(span.size for span in (*first, *rest))
        for group in (first, rest):
            async for batch in reader.read(group):
                for record in batch:
                    _look_at(record, found, held[record.topic], settings)
                found.records_read += len(batch)
                progress(found.records_read, total)
    found.held = [item for item in held.values() if item.records]
    found.broken = dict(reader.broken.told())
    return found


async def _everything_of(
    reader: RangeReader,
    ties: list[tuple[str, set[str]]],
    customers: list[OffsetRange],
    person: Person,
    settings: Settings,
) -> Person:
    """Return the person with the ids and addresses that the customer's documents and states tie.

    An id leads to a former address, and that to an earlier id: until nothing new is found.
    """
    async for batch in reader.read(customers):
        for record in batch:
            owner = _owner(record, settings)
            if owner is not None and owner.kind is Kind.CUSTOMER:
                ties.append(
                    (sent_email(owner.entity), customer_ids_in(owner.entity, OWN_ID_FIELDS))
                )
    while True:
        known = set(person.customer_ids)
        tied = [tie for tie in ties if person.has_email(tie[0]) or known & tie[1]]
        emails = tuple(dict.fromkeys((*person.emails, *(email for email, _ in tied))))
        ids = tuple(sorted(known.union(*(ids for _, ids in tied))))
        if (emails, ids) == (person.emails, tuple(sorted(person.customer_ids))):
            return person
        person = Person(emails, ids, person.phones)


def _look_at(record: Record, found: PersonTraces, held: Held, settings: Settings) -> None:
    key = (record.key or b"").decode(errors="replace")
    headers = (value or b"" for _name, value in record.headers)
    is_named = found.person.is_named_in(record.key or b"", record.value or b"", *headers)
    if not is_named and key not in found.orders:
        return
    held.note(record.timestamp)
    if record.topic == settings.topics.state:
        _note_state(key, found)
    is_document = record.topic not in _without_documents(settings)
    if is_document and mark_of(record.headers, record.value) is None:
        _look_into(record, found, settings)


def _look_into(record: Record, found: PersonTraces, settings: Settings) -> None:
    """Take in whose document it is."""
    owner = _owner(record, settings)
    if owner is None:
        is_theirs = True  # nobody can read it, but it names them
    elif owner.kind is Kind.ORDER:
        is_theirs = _is_theirs(owner.entity, found.person)
        if is_theirs:
            found.orders[owner.key] = record_envelope(record).origin.partition  # type: ignore[union-attr] # a read record has its place
            if found.person.has_email(email_of_buyer(owner.entity)):
                found.customer_keys |= {settings.identity.key_of_buyer(owner.entity)} - {""}
    else:
        is_theirs = found.person.has_email(sent_email(owner.entity))
        if is_theirs:
            found.customer_keys.add(owner.key)
    if is_theirs and record.topic == settings.topics.dead_letters:
        found.letters.append((record.partition, record.offset))


def _note_state(key: str, found: PersonTraces) -> None:
    """Take a customer's key as the state has it: of a website that no setting names, too."""
    customer = key.removeprefix(CUSTOMERS.decode())
    if customer != key and found.person.has_email(address_in(customer)):
        found.customer_keys.add(customer)


def _without_documents(settings: Settings) -> tuple[str, ...]:
    """Return the topics whose records are ours: outcomes, states, actions."""
    topics = settings.topics
    return topics.results, topics.state, topics.operator_audit


def _is_theirs(order: dict[str, Any], person: Person) -> bool:
    by_id = customer_ids_in(order) & set(person.customer_ids)
    return bool(by_id) or person.has_email(email_of_buyer(order))


def _owner(record: Record, settings: MagentoSettings) -> Document | None:
    """Return the document of a record; None for one that cannot be read."""
    envelope = record_envelope(record)
    try:
        return decode(envelope.value, event=envelope.event, identity=settings.identity)
    except DecodeError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and int(text) >= 0 else None


CUSTOMERS = state_key(Kind.CUSTOMER, "")


async def ties_of_states(
    reader: RangeReader, states: Iterable[OffsetRange]
) -> list[tuple[str, set[str]]]:
    """Return (address, customer id) of every customer's state. Raises BrokerError.

    A customer's key is the e-mail, so a change of it leaves a state under the old address, which
    the topics of facts may have forgotten. Each state keeps the customer's id in the store for as
    long as the key lives; whoever has the id of the address to be erased is the same person.
    """
    ties: list[tuple[str, set[str]]] = []
    async for batch in reader.read(states):
        for record in batch:
            tie = tie_of(record.key, record.value)
            if tie is not None:
                ties.append(tie)
    return ties


def tie_of(key: bytes | None, value: bytes | None) -> tuple[str, set[str]] | None:
    """Return (address, customer id) of a record of the state topic; None when it ties nothing."""
    if not key or not value or not key.startswith(CUSTOMERS):
        return None
    try:
        state = State.from_bytes(value)
    except ValueError:
        return None  # the audit counts those
    address = address_in(key.removeprefix(CUSTOMERS).decode(errors="replace"))
    return (address, {state.entity_id}) if state.entity_id else None


def address_in(key: str) -> str:
    """Return the address of a customer's key, which a website may stand before."""
    before, colon, address = key.partition(":")
    return address if colon and before.isdecimal() else key
