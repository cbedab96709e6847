"""Trace: one order's (or customer's) life from its webhooks to its Salesforce records.

Fast, because almost nothing is read:

* A key lives in one partition number of every topic, so only that partition is read.
* `salesforce.state` (compacted: one record per order) says since when the order is known. Outcomes
  and copies are read from `LOOK_BACK_MS` before that, events from the first receipt among them.
* An event id is a UUIDv7: its time leads to the offsets at which the event can be.
* An entity id is looked up in the state records.

An order that was never written has no state yet: its partition is read from the log's start, or
from `since_ms`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from schemas.event import Kind, event_id_time_ms
from schemas.identity import folded
from schemas.state import State, state_key
from stream.audit.trace_rows import TraceRow, TraceStep, rank_of, rows_of
from stream.config import Settings
from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import OffsetRange, RangeReader, Record
from stream.kafka.partitioner import partition_of

LOOK_BACK_MS = 24 * 60 * 60 * 1000  # failures before an order's first write
CLOCK_SKEW_MS = 10 * 60 * 1000
# An event is published within the ingress's deadline of its receipt; results can be late.
PUBLISH_MS = 60 * 1000
RESULT_MS = 2 * 60 * 60 * 1000


@dataclass(slots=True)
class Trace:
    """What was found for a target; `rows` are in the order they happened.

    `event_id` is set when the target was an event: the rows are still its order's whole life.
    `others`: what the target may mean as well, where a store stands before its number.
    `unread`: places of logs that nobody can read, where more may be.
    """

    target: str
    kind: Kind = Kind.ORDER
    key: str = ""
    partition: int = -1
    event_id: str = ""
    others: tuple[str, ...] = ()
    unread: str = ""
    state: State | None = None
    rows: list[TraceRow] = field(default_factory=list)
    records_read: int = 0
    seconds: float = 0.0

    @property
    def salesforce_ids(self) -> dict[str, str]:
        """Salesforce record ids by sObject: the newest word wins."""
        ids = dict(self.state.ids) if self.state else {}
        for row in self.rows:
            if row.step is TraceStep.OUTCOME:
                ids |= row.more.get("salesforce_ids", {})
        return ids

    @property
    def deliveries(self) -> int:
        """How many webhooks were accepted."""
        return sum(row.step is TraceStep.DELIVERED for row in self.rows)


async def run_trace(settings: Settings, target: str, *, since_ms: int | None = None) -> Trace:
    """Return the life of an order number, entity id, event id or e-mail address.

    A trace without rows means that nothing is known of the target. Raises BrokerError.
    """
    began = time.monotonic()
    async with PassingReader(settings) as reader:
        tracer = _Tracer(settings, reader, target.strip(), since_ms)
        await tracer.run()
    tracer.trace.unread = name_silent(reader.broken.told())
    tracer.trace.seconds = time.monotonic() - began
    return tracer.trace


class _Tracer:
    def __init__(
        self, settings: Settings, reader: RangeReader, target: str, since_ms: int | None
    ) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._reader = reader
        self._since_ms = since_ms
        self.trace = Trace(target)

    async def run(self) -> None:
        if not await self._resolve():
            return
        trace = self.trace
        since_ms = self._since()
        tiers = await self._reader.topics_starting(self._topics.retry_prefix)
        spans = await self._spans([*self._followers, *tiers], since_ms)
        trace.rows += await self._rows(spans)
        spans = await self._spans([self._topics.source_of(trace.kind)], self._first_receipt())
        trace.rows += await self._rows(spans)
        trace.rows.sort(key=lambda row: (row.at_ms, rank_of(row.step), row.offset))

    @property
    def _followers(self) -> list[str]:
        topics = self._topics
        return [topics.results, topics.due, topics.settle, topics.dead_letters]

    def _since(self) -> int | None:
        state = self.trace.state
        if self._since_ms is not None or state is None or not state.first_seen_ms:
            return self._since_ms
        return state.first_seen_ms - LOOK_BACK_MS

    def _first_receipt(self) -> int | None:
        """Return the first receipt that state or outcomes know of; None without a state."""
        state = self.trace.state
        if self._since_ms is not None or state is None or not state.first_seen_ms:
            return self._since_ms
        receipts: list[int] = [
            row.at_ms - int(row.more.get("latency_ms", 0))
            for row in self.trace.rows
            if row.step is TraceStep.OUTCOME
        ]
        return min([state.first_seen_ms, *receipts]) - CLOCK_SKEW_MS

    async def _spans(self, topics: list[str], since_ms: int | None) -> list[OffsetRange]:
        return await self._reader.spans(
            topics, partitions=[self.trace.partition], since_ms=since_ms
        )

    async def _rows(self, spans: list[OffsetRange]) -> list[TraceRow]:
        topics, key = self._topics, self.trace.key.encode()
        letters = topics.dead_letters
        records = await self._matching(
            spans, lambda r: r.key == key or (r.topic == letters and not r.key)
        )
        buried = [r.offset for r in records if r.topic == letters and r.key == key]
        rows = [row for record in records for row in rows_of(record, topics, buried=buried)]
        return [row for row in rows if row.event_id or row.step is TraceStep.RESOLVED]

    async def _matching(
        self, spans: list[OffsetRange], test: Callable[[Record], bool]
    ) -> list[Record]:
        found: list[Record] = []
        async for batch in self._reader.read(spans):
            self.trace.records_read += len(batch)
            found += [record for record in batch if test(record)]
        return found

    async def _resolve(self) -> bool:
        """Find key, kind and partition of the target."""
        target, trace = self.trace.target, self.trace
        if event_id_time_ms(target) is not None:
            return await self._resolve_event()
        if "@" in target:
            return await self._resolve_customer(target)
        await self._resolve_key(Kind.ORDER, folded(target))
        if trace.state is None:
            await self._resolve_key(Kind.ORDER, self._settings.identity.key_of_target(target))
        if trace.state is None:
            await self._resolve_meant(Kind.ORDER)
        if trace.state is None and target.isdecimal():
            await self._resolve_entity()
        return True

    async def _resolve_meant(self, kind: Kind) -> None:
        """Find the key that the target stands for where a store or website is before it.

        By the states; what has none may be dead.
        """
        pattern = self._settings.identity.pattern_of_target(self.trace.target)
        if not pattern:
            return
        prefix = state_key(kind, "").decode()
        wanted = re.compile(f"(?:{prefix})?({pattern})")
        spans = await self._reader.spans([self._topics.state, self._topics.dead_letters])
        records = await self._matching(spans, lambda record: bool(_key_in(record, wanted)))
        keys = dict.fromkeys(_key_in(record, wanted) for record in reversed(records))
        if keys:
            key, *others = keys
            await self._resolve_key(kind, key)
            self.trace.others = tuple(sorted(others))

    async def _resolve_customer(self, address: str) -> bool:
        """Find the key of an address: a website may stand before it."""
        for key in reversed(self._settings.identity.keys_of_email(address)):  # itself the last
            await self._resolve_key(Kind.CUSTOMER, key)
            if self.trace.state is not None:
                return True
        await self._resolve_meant(Kind.CUSTOMER)
        return True

    async def _resolve_key(self, kind: Kind, key: str) -> bool:
        topic = self._topics.state
        partitions = (await self._reader.partitions(topic))[topic]
        self.trace.kind, self.trace.key = kind, key
        self.trace.partition = partition_of(key.encode(), partitions)
        wanted = state_key(kind, key)
        spans = await self._reader.spans([topic], partitions=[self.trace.partition])
        records = await self._matching(spans, lambda record: record.key == wanted)
        self.trace.state = _state(records[-1]) if records else None
        return True

    async def _resolve_entity(self) -> None:
        """Look an entity id up in the states; keep the order number when there is none."""
        needle = b'"e":' + orjson.dumps(self.trace.target)
        spans = await self._reader.spans([self._topics.state])
        records = await self._matching(
            spans, lambda r: bool(r.value) and r.key.startswith(b"order:") and needle in r.value
        )
        states = [(record, _state(record)) for record in records]
        for record, state in reversed(states):
            if state is not None and state.entity_id == self.trace.target:
                self.trace.key = record.key.decode().removeprefix("order:")
                self.trace.partition = record.partition
                self.trace.state = state
                return

    async def _resolve_event(self) -> bool:
        """Find the event's record near its time; without it, its outcome."""
        event_id = self.trace.target
        at_ms = event_id_time_ms(event_id) or 0
        needle = ("event-id", event_id.encode())
        spans = await self._reader.spans(
            self._topics.facts, since_ms=at_ms - PUBLISH_MS, until_ms=at_ms + PUBLISH_MS
        )
        found = await self._matching(spans, lambda record: needle in record.headers)
        if not found:
            text = event_id.encode()
            spans = await self._reader.spans(
                [self._topics.results], since_ms=at_ms - PUBLISH_MS, until_ms=at_ms + RESULT_MS
            )
            found = await self._matching(spans, lambda r: bool(r.value) and text in r.value)
        if not found:
            return False
        record = found[0]
        self.trace.event_id = event_id
        kind = Kind.CUSTOMER if _is_customer(record, self._topics.customers) else Kind.ORDER
        partition = record.partition
        await self._resolve_key(kind, (record.key or b"").decode(errors="replace"))
        self.trace.partition = partition
        return True


def _key_in(record: Record, wanted: re.Pattern[str]) -> str:
    found = wanted.fullmatch((record.key or b"").decode(errors="replace"))
    return found[1] if found else ""


def _is_customer(record: Record, customers: str) -> bool:
    return record.topic == customers or b'"kind":"customer"' in (record.value or b"")


def _state(record: Record) -> State | None:
    try:
        return State.from_bytes(record.value) if record.value else None
    except ValueError:
        return None
