"""Dead letters: which are open, grouped by what is wrong with them.

The index reads the dead-letter topic once and then only what is new, so 100,000 letters cost
seconds at the start and nothing afterwards: a command builds one, a dashboard keeps one. It holds
what lists and filters need; payloads stay in Kafka and are read when somebody looks at one.

A letter is open until a mark (schemas.operator) resolves it or retention deletes it; which of them
are one matter, `open_letters` says. Should the topic itself go back, it is read anew. A partition
that does not answer is in `unread` with the reason; its letters stay as they were last read.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

import orjson

from schemas.event import Envelope
from schemas.identity import is_meant
from schemas.operator import mark_of
from stream.dlq.open_letters import DeadLetter, OpenLetters
from stream.errors import BrokerError, JobError, NotKnownError
from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.position import Tail
from stream.kafka.log.range_reader import OffsetRange, RangeReader, Record, record_envelope
from stream.settings.kafka import KafkaSettings

MESSAGE_CHARACTERS = 200
UNKNOWN_CODE = "UNKNOWN"
NO_FIELD = "-"  # in a filter: letters that name no field


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters: every given field must fit. Times are record times, [since, until).

    `field`: letters that name it; `A,B`: letters that name both; `-`: letters that name none.
    `pattern`: all the keys that `key` may stand for, where a store stands before its number.
    """

    code: str = ""
    field: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    key: str = ""
    store: str = ""
    ids: tuple[str, ...] = ()
    pattern: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether every letter fits."""
        return self == LetterFilter()

    def fits(self, letter: DeadLetter) -> bool:
        return (
            (not self.code or letter.code == self.code)
            and (not self.field or self._fits_field(letter.field))
            and (self.since_ms is None or letter.at_ms >= self.since_ms)
            and (self.until_ms is None or letter.at_ms < self.until_ms)
            and (not self.key or is_meant(letter.key, self.key, self.pattern))
            and (not self.store or letter.store == self.store)
            and (not self.ids or letter.id in self.ids or letter.event_id in self.ids)
        )

    def _fits_field(self, named: str) -> bool:
        if self.field == NO_FIELD:
            return not named
        return set(self.field.split(",")) <= set(named.split(","))


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """Letters with the same code and field. `orders` counts distinct keys."""

    code: str
    field: str
    error_kind: str
    count: int
    orders: int
    first_ms: int
    last_ms: int
    message: str
    sample: DeadLetter


class DeadLetterIndex:
    """The open dead letters. `refresh` reads what is new; the rest answers from memory."""

    def __init__(self, settings: KafkaSettings, reader: RangeReader) -> None:
        self._topic = settings.topics.dead_letters
        self._reader = reader
        self._open = OpenLetters()
        self._tail = Tail()
        self._lives = 0
        self._log_starts: dict[int, int] = {}
        self._refreshed = float("-inf")
        self.silent: dict[tuple[str, int], str] = {}

    @property
    def unread(self) -> dict[tuple[str, int], str]:
        """What may hold more letters or marks: it does not answer, or is broken."""
        return {**self._reader.broken.told(self._topic), **self.silent}

    async def refresh(self, *, max_age_seconds: float = 0.0) -> int:
        """Read what was written since the last refresh; return how many records that was.

        Does nothing when the last refresh is younger than `max_age_seconds`.
        """
        if time.monotonic() - self._refreshed < max_age_seconds:
            return 0
        compared = await self._tail.compared(self._reader)
        if compared.gone:
            self._open, self._tail = OpenLetters(), Tail()
            self._log_starts = {}
            self._lives += 1
        found, silent = await self._reader.known_spans([self._topic])
        self.silent = {**compared.silent, **silent}
        spans = [span for span in found if span.place not in self.silent]
        self._reader.broken.forget_deleted(spans)
        read = 0
        async for batch in self._reader.read(self._tail.unread(spans)):
            read += len(batch)
            self._apply(batch)
            self._tail.note(batch)
            await asyncio.sleep(0)  # whoever shares the loop gets a turn
        self._tail.note_ends(spans)
        self._forget_deleted(spans)
        self._refreshed = time.monotonic()
        return read

    def __len__(self) -> int:
        return len(self._open)

    def letters(self, wanted: LetterFilter | None = None) -> Iterator[DeadLetter]:
        """Yield the open letters in the order of their partitions and offsets."""
        for _, letter in sorted(self._open.items()):
            if wanted is None or wanted.fits(letter):
                yield letter

    def groups(self, wanted: LetterFilter | None = None) -> list[LetterGroup]:
        """Return the groups of the fitting letters, the largest first."""
        return group_letters(
            letter for letter in self._open.values() if wanted is None or wanted.fits(letter)
        )

    @property
    def version(self) -> tuple[int, ...]:
        """Differs whenever the open letters may differ: what was read, what retention left."""
        return (self._lives, *self._tail.ends, *self._log_starts.values())

    def is_open(self, partition: int, offset: int) -> bool:
        return (partition, offset) in self._open

    def unread_for(self, wanted: LetterFilter) -> str:
        """Name what may hold more of the wanted letters: nothing does when each id was found."""
        found = ((item.id, item.event_id) for item in self.letters(wanted) if wanted.ids)
        is_whole = wanted.ids and not set(wanted.ids).difference(*found)
        return "" if is_whole else name_silent(self.unread)

    def refuse_silence(self, partitions: Container[int] | None = None) -> None:
        """Raise BrokerError for who takes letters that are not there for resolved ones."""
        silent = self.silent.items()
        needed = {at: why for at, why in silent if partitions is None or at[1] in partitions}
        if needed:
            raise BrokerError(f"not all dead letters are known: {name_silent(needed)}")

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest open letter was written."""
        return min((letter.at_ms for letter in self._open.values()), default=None)

    def _apply(self, batch: Iterable[Record]) -> None:
        for record in batch:
            mark = mark_of(record.headers, record.value)
            if mark is None:
                self._open.note(letter_of(record))
            else:
                self._open.resolve(record.partition, mark.offsets)

    def _forget_deleted(self, spans: Iterable[OffsetRange]) -> None:
        starts = {span.partition: span.log_start for span in spans}
        if starts != self._log_starts:
            self._log_starts = starts
            self._open.forget_before(starts)


def letter_of(record: Record) -> DeadLetter:
    """Return the index entry of a record; never raises, whatever the payload is."""
    envelope = record_envelope(record)
    error, origin = envelope.error, envelope.origin
    assert origin is not None  # every consumed record has one
    return DeadLetter(
        partition=record.partition,
        offset=record.offset,
        at_ms=record.timestamp,
        event_id=envelope.event_id,
        event=sys.intern(envelope.event),
        kind=envelope.kind.value,
        key=envelope.key,
        store=sys.intern(store_of(envelope.value)),
        origin=(sys.intern(origin.topic), origin.partition, origin.offset),
        attempt=envelope.attempt,
        error_kind=sys.intern(error.kind if error else ""),
        code=sys.intern((error.code or error.kind if error else "") or UNKNOWN_CODE),
        field=sys.intern(",".join(error.fields) if error else ""),
        message=sys.intern((error.message if error else "")[:MESSAGE_CHARACTERS]),
        mapping_version=sys.intern(envelope.mapping_version),
        size=len(envelope.value),
        status=error.status if error else 0,
        rule=sys.intern(error.rule if error else ""),
        job_id=sys.intern(envelope.job_id),
    )


def store_of(value: bytes) -> str:
    """Return the store id inside an event's payload, or nothing. Never raises."""
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        return ""
    for _ in range(3):
        if not isinstance(body, dict):
            return ""
        if (store := body.get("store_id")) is not None:
            return str(store) if isinstance(store, (str, int)) else ""
        inner = (body.get("order"), body.get("customer"), body.get("data"))
        body = next((item for item in inner if isinstance(item, dict)), None)
    return ""


def group_letters(letters: Iterable[DeadLetter]) -> list[LetterGroup]:
    """Return letters grouped by error code and field, the largest group first."""
    members: dict[tuple[str, str], list[DeadLetter]] = {}
    for letter in letters:
        members.setdefault((letter.code, letter.field), []).append(letter)
    groups = [
        LetterGroup(
            code=code,
            field=field,
            error_kind=group[-1].error_kind,
            count=len(group),
            orders=len({letter.key for letter in group}),
            first_ms=min(letter.at_ms for letter in group),
            last_ms=max(letter.at_ms for letter in group),
            message=group[-1].message,
            sample=group[-1],
        )
        for (code, field), group in members.items()
    ]
    return sorted(groups, key=lambda group: (-group.count, group.code, group.field))


def find_letter(index: DeadLetterIndex, name: str, key: str = "", pattern: str = "") -> DeadLetter:
    """Return an open letter by its id, event id or key, the newest. Raises Job-, NotKnownError.

    `key` and `pattern` are what the name means as the number of an order, or as an e-mail.
    """
    fitting = [
        item
        for item in index.letters()
        if name in (item.id, item.event_id, item.key) or (key and is_meant(item.key, key, pattern))
    ]
    if len(keys := {item.key for item in fitting}) > 1:
        raise JobError(f"{name} may be one of several: {', '.join(sorted(keys))}; say which")
    if not fitting and index.unread:
        silent = name_silent(index.unread)
        raise NotKnownError(f"it is not known whether there is a dead letter {name}: {silent}")
    if not fitting:
        raise JobError(f"no open dead letter {name}; `orderstream dlq list --letters` lists them")
    return max(fitting, key=lambda letter: letter.at_ms)


async def read_letter(settings: KafkaSettings, reader: RangeReader, letter: DeadLetter) -> Envelope:
    """Return a letter with its payload. Raises JobError if retention deleted it, NotKnownError."""
    topic = settings.topics.dead_letters
    found = await reader.first_records({(topic, letter.partition): letter.offset})
    record = found.get((topic, letter.partition))
    if record is None:
        spans, silent = await reader.known_spans([topic], partitions=[letter.partition])
        if not any(span.log_start > letter.offset for span in spans):
            why = name_silent(silent) or "no record came"
            raise NotKnownError(f"dead letter {letter.id} cannot be read now: {why}")
    if record is None or record.offset != letter.offset:
        raise JobError(f"dead letter {letter.id} is gone: retention has deleted it")
    return record_envelope(record)
