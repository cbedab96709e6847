"""Requeue: a person puts dead letters back, many at once, at a rate.

Copy first, mark afterwards: a letter is marked only when its copy in `salesforce.due` is
acknowledged, so a crash between the two leaves an open letter whose copy the next run finds
(`stream.jobs.spec`) and only marks. One event is copied once, however many letters it has.

A requeue vouches for what it copies, so a record that somebody may have forged goes with one only
when it was named: by its id, its event id, or the code of such letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass

from schemas.event import Via
from schemas.operator import Resolution
from schemas.operator_signature import UNTRUSTED
from schemas.parts import parts_of
from stream.dlq.index import DeadLetterIndex, LetterFilter
from stream.dlq.open_letters import DeadLetter
from stream.dlq.resolutions import MarkWriter
from stream.jobs.run import JobReport
from stream.jobs.runner import Copy, JobRun, copy_of
from stream.jobs.spec import JobKind, JobSpec, Source, new_job
from stream.kafka.log.range_reader import OffsetRange, RangeReader, Record, record_envelope
from stream.settings.kafka import KafkaSettings

SAMPLES = 20
REFRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RequeuePlan:
    """What a requeue would do. `letters` counts letters, `events` what would be copied.

    `unread` names the partitions that may hold more of them: that is no part of it, and stays open.
    """

    wanted: LetterFilter
    limit: int | None
    letters: int
    events: int
    orders: int
    oldest_ms: int | None
    samples: tuple[DeadLetter, ...]
    spans: tuple[OffsetRange, ...]
    unread: str


def plan_requeue(
    index: DeadLetterIndex, topic: str, wanted: LetterFilter, *, limit: int | None = None
) -> RequeuePlan:
    """Return what would be requeued now, from a fresh index. Nothing is read or written."""
    groups = _by_event(_vouched(index, wanted))
    chosen = list(groups.values())[:limit]
    letters = [letter for group in chosen for letter in group]
    return RequeuePlan(
        wanted=wanted,
        limit=limit,
        letters=len(letters),
        events=len(chosen),
        orders=len({letter.key for letter in letters}),
        oldest_ms=min((letter.at_ms for letter in letters), default=None),
        samples=tuple(_copied_of(group) for group in chosen[:SAMPLES]),
        spans=_spans(topic, letters),
        unread=index.unread_for(wanted),
    )


async def new_requeue(
    settings: KafkaSettings, reader: RangeReader, plan: RequeuePlan, *, rate: float, why: str
) -> JobSpec:
    """Return the spec of a job that carries out a plan."""
    return await new_job(
        settings,
        reader,
        JobKind.REQUEUE,
        spans=plan.spans,
        selection={"filter": asdict(plan.wanted), "limit": plan.limit},
        rate=rate,
        total=plan.events,
        why=why,
    )


async def run_requeue(
    settings: KafkaSettings,
    run: JobRun,
    reader: RangeReader,
    index: DeadLetterIndex,
) -> JobReport:
    """Carry out a requeue, new or resumed. `reader` is for this call alone, as are run and index.

    Raises JobError, BrokerError and PublishError; whatever was done until then is done, and a
    resumed run does the rest.
    """
    await run.begin()
    await _look(run, index)
    marks = MarkWriter(
        settings, run.operator, Resolution.REQUEUED, why=run.spec.why, job_id=run.spec.job_id
    )
    work = await _work(run, index, marks)
    async with aclosing(reader.read(run.spec.spans)) as batches:
        async for batch in batches:
            records = [r for r in batch if (r.topic, r.partition, r.offset) in work]
            for part in parts_of(records, run.chunk_size):
                if run.stop.is_set():
                    return await run.end()
                chunk = await _still_open(run, index, part)
                copies = [_copy(settings, run.spec, record) for record in chunk]
                done = await run.copy(copies)
                await marks.write((s[1], offset) for s in done for offset in work[s])
    return await run.end()


async def _work(run: JobRun, index: DeadLetterIndex, marks: MarkWriter) -> dict[Source, list[int]]:
    """Return what is left to copy, and the letters each copy resolves.

    Letters whose copy an earlier run made are only marked.
    """
    selection, spans = run.spec.selection, run.spec.spans
    read = selection["filter"]
    wanted = LetterFilter(**{**read, "ids": tuple(read["ids"])})
    ends = {span.partition: span.end for span in spans}
    letters = (
        letter
        for letter in _vouched(index, wanted)
        if letter.offset < ends.get(letter.partition, 0)
    )
    work: dict[Source, list[int]] = {}
    room = None if selection["limit"] is None else selection["limit"] - run.copies
    for group in _by_event(letters).values():
        offsets = [letter.offset for letter in group]
        sources = [(spans[0].topic, letter.partition, letter.offset) for letter in group]
        copied = [source for source in sources if run.is_copied(source)]
        if copied:
            await marks.write((copied[0][1], offset) for offset in offsets)
        elif room is None or len(work) < room:
            work[sources[group.index(_copied_of(group))]] = offsets
    return work


async def _look(run: JobRun, index: DeadLetterIndex, *, max_age_seconds: float = 0.0) -> None:
    """Learn which letters are open. Raises BrokerError when one of the job's may be, unread."""
    await index.refresh(max_age_seconds=max_age_seconds)
    index.refuse_silence({span.partition for span in run.spec.spans})


async def _still_open(
    run: JobRun, index: DeadLetterIndex, records: Sequence[Record]
) -> Sequence[Record]:
    """Leave out letters that somebody else resolved meanwhile."""
    await _look(run, index, max_age_seconds=REFRESH_SECONDS)
    still = [record for record in records if index.is_open(record.partition, record.offset)]
    run.report.skipped += len(records) - len(still)
    return still


def _vouched(index: DeadLetterIndex, wanted: LetterFilter) -> Iterator[DeadLetter]:
    is_named = bool(wanted.ids) or wanted.code == UNTRUSTED
    return (x for x in index.letters(wanted) if is_named or x.code != UNTRUSTED)


def _by_event(letters: Iterable[DeadLetter]) -> dict[tuple[int, str], list[DeadLetter]]:
    """Return letters by their event: one of the same id in another partition is somebody else's."""
    groups: dict[tuple[int, str], list[DeadLetter]] = {}
    for letter in letters:
        groups.setdefault((letter.partition, letter.event_id), []).append(letter)
    return groups


def _copied_of(group: Sequence[DeadLetter]) -> DeadLetter:
    """Return the letter that stands for its event: the newest, of those that are vouched for."""
    return max(group, key=lambda letter: (letter.code != UNTRUSTED, letter.offset))


def _spans(topic: str, letters: Iterable[DeadLetter]) -> tuple[OffsetRange, ...]:
    bounds: dict[int, tuple[int, int]] = {}
    for letter in letters:
        first, end = bounds.get(letter.partition, (letter.offset, letter.offset + 1))
        bounds[letter.partition] = (min(first, letter.offset), max(end, letter.offset + 1))
    return tuple(
        OffsetRange(topic, partition, *bound) for partition, bound in sorted(bounds.items())
    )


def _copy(settings: KafkaSettings, spec: JobSpec, record: Record) -> Copy:
    place = (record.topic, record.partition, record.offset)
    envelope = record_envelope(record)
    return copy_of(envelope, settings, via=Via.REQUEUE, job_id=spec.job_id, place=place)
