"""Replay: a person re-reads history, to make Salesforce match a changed mapping or a repaired org.

Verified raw bytes are read from `magento.*` and published to `salesforce.due` with the same key,
partition number and origin. An old event never wins: the worker compares versions as always, so a
replay of a superseded event ends as superseded. Unchanged content is not sent again unless the
replay is forced.

For a changed mapping one write per order is enough: latest-only picks, of the events in the range,
the newest version of each order (when it was saved and how far it had come, as workers tell it,
then offset), one partition at a time, so memory is bounded by the orders of one partition.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field

from schemas.codec import DecodeError, Document, decode
from schemas.event import Envelope, Via
from schemas.identity import is_meant
from schemas.order_rank import state_rank
from schemas.parts import parts_of
from schemas.sender_clock import sender_time
from stream.config import Settings
from stream.jobs.run import JobReport
from stream.jobs.runner import Copy, JobRun, copy_of
from stream.jobs.spec import JobKind, JobSpec, OffsetSet, Source, new_job
from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.range_reader import OffsetRange, RangeReader, Record, record_envelope
from stream.kafka.partitioner import partition_of, used_partitions
from stream.settings.kafka import KafkaSettings
from stream.settings.magento import MagentoSettings

SAMPLES = 20

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ReplayFilter:
    """Which events of the range: every given field must fit the payload.

    With latest-only the newest event of each order is looked at, and taken when it fits: an order
    that has left a status is not taken for the events it had there.
    """

    order: str = ""
    store: str = ""
    status: str = ""
    is_latest_only: bool = True
    is_forced: bool = False
    limit: int | None = None

    @property
    def needs_payload(self) -> bool:
        """Whether an event must be decoded to know if it fits."""
        return bool(self.store or self.status or self.is_latest_only)

    def fits(self, document: Document) -> bool:
        entity = document.entity
        return (not self.store or str(entity.get("store_id", "")) == self.store) and (
            not self.status or str(entity.get("status", "")) == self.status
        )


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """What a replay looks at: a topic, record times [since, until), a filter."""

    topic: str
    since_ms: int | None
    until_ms: int | None
    wanted: ReplayFilter


@dataclass(slots=True)
class ReplayPlan:
    """What a replay would publish. Times are record times in ms. `unread`: what nobody can read."""

    topic: str
    wanted: ReplayFilter
    spans: tuple[OffsetRange, ...]
    chosen: OffsetSet
    scanned: int = 0
    matching: int = 0
    orders: int = 0
    undecodable: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    seconds: float = 0.0
    samples: list[Envelope] = field(default_factory=list)
    unread: str = ""

    @property
    def events(self) -> int:
        """How many events would be published."""
        return len(self.chosen)


async def plan_replay(
    settings: Settings,
    reader: RangeReader,
    chosen: ReplayRange,
    *,
    progress: Progress | None = None,
) -> ReplayPlan:
    """Return what a replay of the chosen events would publish."""
    topic, wanted, partitions = chosen.topic, chosen.wanted, None
    if wanted.order and not settings.identity.pattern_of_target(wanted.order):
        counted = await reader.partitions(*settings.topics.facts)
        partitions = [partition_of(wanted.order.encode(), used_partitions(counted.values()))]
    spans = await reader.spans(
        [topic], partitions=partitions, since_ms=chosen.since_ms, until_ms=chosen.until_ms
    )
    return await scan_spans(settings, reader, spans, topic, wanted, progress=progress)


async def scan_spans(
    settings: MagentoSettings,
    reader: RangeReader,
    spans: Sequence[OffsetRange],
    topic: str,
    wanted: ReplayFilter,
    *,
    progress: Progress | None = None,
) -> ReplayPlan:
    """Return the plan for given spans: the same spans and filter give the same plan."""
    began = time.monotonic()
    plan = ReplayPlan(topic, wanted, tuple(spans), OffsetSet(spans))
    total = sum(span.size for span in spans)
    for span in spans:
        choice = _Choice(settings, plan)
        async with aclosing(reader.read([span])) as batches:
            async for batch in batches:
                choice.see(batch)
                plan.scanned += len(batch)
                if progress:
                    progress(plan.scanned, total)
        choice.conclude()
    plan.unread = name_silent(reader.broken.told(topic))
    plan.samples = await _samples(reader, plan.chosen)
    plan.seconds = time.monotonic() - began
    return plan


async def new_replay(
    settings: KafkaSettings, reader: RangeReader, plan: ReplayPlan, *, rate: float, why: str
) -> JobSpec:
    """Return the spec of a job that carries out a plan."""
    return await new_job(
        settings,
        reader,
        JobKind.REPLAY,
        spans=plan.spans,
        selection={"topic": plan.topic, "filter": asdict(plan.wanted)},
        rate=rate,
        total=plan.events,
        why=why,
    )


async def run_replay(
    settings: Settings, run: JobRun, reader: RangeReader, plan: ReplayPlan | None = None
) -> JobReport:
    """Carry out a replay, new (with its plan) or resumed (it is made again from the spec).

    `reader` is for this call alone. Raises JobError, BrokerError and PublishError; a resumed run
    does the rest.
    """
    await run.begin()
    spec = run.spec
    wanted = ReplayFilter(**spec.selection["filter"])
    if plan is None:
        plan = await scan_spans(settings, reader, spec.spans, spec.selection["topic"], wanted)
    async with aclosing(reader.read(spec.spans)) as batches:
        async for batch in batches:
            records = [r for r in batch if (r.topic, r.partition, r.offset) in plan.chosen]
            for chunk in parts_of(records, run.chunk_size):
                if run.stop.is_set():
                    return await run.end()
                await run.copy([_copy(settings, spec, record, wanted) for record in chunk])
    return await run.end()


async def _samples(reader: RangeReader, chosen: OffsetSet) -> list[Envelope]:
    """Read some of what was chosen, from all partitions."""
    samples: list[Envelope] = []
    places = chosen.spread(SAMPLES)
    while places:
        turn: dict[tuple[str, int], int] = {}
        later: list[Source] = []
        for topic, partition, offset in places:
            if (topic, partition) in turn:
                later.append((topic, partition, offset))
            else:
                turn[topic, partition] = offset
        found = await reader.first_records(turn)
        samples += [record_envelope(r) for place, r in found.items() if r.offset == turn[place]]
        places = later
    return samples


class _Choice:
    """Chooses among the events of one partition."""

    def __init__(self, settings: MagentoSettings, plan: ReplayPlan) -> None:
        self._identity = settings.identity
        self._tolerance_seconds = settings.magento_clock_tolerance_seconds
        self._plan = plan
        self._order = plan.wanted.order
        self._pattern = self._identity.pattern_of_target(self._order)
        # Newest event of each key: (when it was saved, rank of its state, offset, whether it fits).
        self._newest: dict[bytes, tuple[str, int, int, bool]] = {}
        self._place = ("", 0)

    def see(self, batch: Sequence[Record]) -> None:
        wanted, plan = self._plan.wanted, self._plan
        for record in batch:
            if self._order and not self._is_meant(record.key or b""):
                continue
            saved, rank, is_fitting = "", None, True
            if wanted.needs_payload:
                document = self._decode(record)
                if document is None:
                    continue
                saved, is_fitting = self._saved(record, document), wanted.fits(document)
                rank = state_rank(document.entity)
            self._place = (record.topic, record.partition)
            if is_fitting:
                plan.matching += 1
                self._note_time(record.timestamp)
            self._choose(record, saved, rank, is_fitting=is_fitting)

    def _is_meant(self, key: bytes) -> bool:
        return is_meant(key.decode(errors="replace"), self._order, self._pattern)

    def conclude(self) -> None:
        """Fix the choice of this partition in the plan."""
        plan = self._plan
        fitting = [offset for *_, offset, is_fitting in self._newest.values() if is_fitting]
        plan.orders += len(fitting)
        if plan.wanted.is_latest_only:
            for offset in sorted(fitting):
                if not self._has_room():
                    break
                plan.chosen.add((*self._place, offset))

    def _choose(self, record: Record, saved: str, rank: int | None, *, is_fitting: bool) -> None:
        plan, key = self._plan, record.key or b""
        held = self._newest.get(key, ("", 0, -1, False))
        if rank is None:  # it does not say: no reason to be behind
            rank = held[1] if held[0] == saved else 0
        version = (saved, rank, record.offset, is_fitting)
        if plan.wanted.is_latest_only:
            self._newest[key] = max(version, held)
        elif is_fitting:
            self._newest[key] = version
            if self._has_room():
                plan.chosen.add((record.topic, record.partition, record.offset))

    def _has_room(self) -> bool:
        limit = self._plan.wanted.limit
        return limit is None or len(self._plan.chosen) < limit

    def _saved(self, record: Record, document: Document) -> str:
        """Return when a document was saved, as a worker believes it."""
        received_ms = record_envelope(record).received_at_ms
        tolerance = self._tolerance_seconds
        return sender_time(document.updated_at, received_ms, tolerance_seconds=tolerance).version

    def _decode(self, record: Record) -> Document | None:
        event = next((value for name, value in record.headers if name == "event"), b"")
        try:
            return decode(
                record.value or b"",
                event=event.decode(errors="replace"),
                identity=self._identity,
            )
        except DecodeError:
            self._plan.undecodable += 1
            return None

    def _note_time(self, at_ms: int) -> None:
        plan = self._plan
        plan.first_ms = at_ms if plan.first_ms is None else min(plan.first_ms, at_ms)
        plan.last_ms = at_ms if plan.last_ms is None else max(plan.last_ms, at_ms)


def _copy(settings: KafkaSettings, spec: JobSpec, record: Record, wanted: ReplayFilter) -> Copy:
    return copy_of(
        record_envelope(record),
        settings,
        via=Via.REPLAY,
        job_id=spec.job_id,
        place=(record.topic, record.partition, record.offset),
        is_forced=wanted.is_forced,
    )
