"""Replay: a person re-reads history, to make Salesforce match a changed mapping or a repaired org.

Verified raw bytes are read from `magento.*` and published to `salesforce.due` with the same key,
partition number and origin. An old event never wins: the worker compares versions as always, so a
replay of a superseded event ends as superseded. Unchanged content is not sent again unless the
replay is forced.

Which events of the range are taken: `stream.jobs.replay_choice`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass

from schemas.event import Envelope, Via
from schemas.parts import parts_of
from stream.config import Settings
from stream.jobs.replay_choice import Choice, ReplayFilter, ReplayPlan
from stream.jobs.run import JobReport
from stream.jobs.runner import Copy, JobRun, copy_of
from stream.jobs.spec import JobKind, JobSpec, OffsetSet, Source, new_job
from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.range_reader import OffsetRange, RangeReader, Record, record_envelope
from stream.kafka.partitioner import partition_of, used_partitions
from stream.settings.kafka import KafkaSettings
from stream.settings.magento import MagentoSettings

__all__ = [
    "ReplayFilter",
    "ReplayPlan",
    "ReplayRange",
    "new_replay",
    "plan_replay",
    "run_replay",
    "scan_spans",
]

SAMPLES = 20

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """What a replay looks at: a topic, record times [since, until), a filter."""

    topic: str
    since_ms: int | None
    until_ms: int | None
    wanted: ReplayFilter


async def plan_replay(
    settings: Settings,
    reader: RangeReader,
    chosen: ReplayRange,
    *,
    progress: Progress | None = None,
) -> ReplayPlan:
    """Return what a replay of the chosen events would publish."""
    topic, wanted, partitions = chosen.topic, chosen.wanted, None
    since_ms, until_ms = chosen.since_ms, chosen.until_ms
    if wanted.only:
        partitions = [int(number) for number in wanted.only]
        since_ms = until_ms = None  # the newest of an order may be of any time
    elif wanted.order and not settings.identity.pattern_of_target(wanted.order):
        counted = await reader.partitions(*settings.topics.facts)
        partitions = [partition_of(wanted.order.encode(), used_partitions(counted.values()))]
    spans = await reader.spans([topic], partitions=partitions, since_ms=since_ms, until_ms=until_ms)
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
        choice = Choice(settings, plan)
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
    wanted = asdict(plan.wanted)
    if not wanted["only"]:
        del wanted["only"]  # a release before it knows no such word, and may resume the job
    return await new_job(
        settings,
        reader,
        JobKind.REPLAY,
        spans=plan.spans,
        selection={"topic": plan.topic, "filter": wanted},
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


def _copy(settings: KafkaSettings, spec: JobSpec, record: Record, wanted: ReplayFilter) -> Copy:
    return copy_of(
        record_envelope(record),
        settings,
        via=Via.REPLAY,
        job_id=spec.job_id,
        place=(record.topic, record.partition, record.offset),
        is_forced=wanted.is_forced,
    )
