"""Jobs: what to copy into `salesforce.due`, fixed when made; `stream.jobs.runner` copies.

A requeue and a replay are the same work: a plan fixes what to copy, a run copies it. What makes a
kill -9 harmless is that the copies themselves are the record of progress: each carries the job's
id and the place it was copied from, so a run that starts again reads `salesforce.due` from where
it ended when the job was made, learns what is there, and copies only the rest. No cursor can
disagree with it. (Records of a process killed in the same instant may still be on the wire; they
arrive before a new process has connected.)

The plan (`JobSpec`) and every start, stop and end are in the operator log, so any machine can
resume a job by its id. Retention of `salesforce.due` bounds how long: an older job is refused.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from schemas.event import new_event_id
from schemas.operator import OperatorAction
from stream.errors import JobError, NotKnownError
from stream.jobs.operator_log import known_actions
from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.position import find_gone_back, identities_at
from stream.kafka.log.range_reader import OffsetRange, RangeReader
from stream.kafka.log_witness import Reading, Rung, Witness
from stream.settings.kafka import KafkaSettings

STARTED, STOPPED, DONE = "job-started", "job-stopped", "job-done"
DEFAULT_RATE = 50.0  # events per second
DEFAULT_MAX_BACKLOG = 1_000  # wait while workers are this many events behind
PROGRESS = "job-progress"  # a backfill's cursor: it has no copies of which to learn its place

Source = tuple[str, int, int]


class JobKind(StrEnum):
    """Who asked: putting dead letters back, re-reading history, or reading the store."""

    REQUEUE = "requeue"
    REPLAY = "replay"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class JobSpec:
    """Everything a run needs, fixed when the job was made.

    `spans` bound what is read, `due` is where the topics it publishes to ended; `selection` belongs
    to the kind of job. `rate` is events per second. `last_read`: the last record of each span, by
    `topic/partition`, as offset and identity: whether the spans still hold what was planned.
    """

    job_id: str
    kind: JobKind
    spans: tuple[OffsetRange, ...]
    due: tuple[OffsetRange, ...]
    selection: dict[str, Any]
    rate: float
    total: int
    why: str = ""
    last_read: dict[str, tuple[int, str]] = field(default_factory=dict)

    def as_detail(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_detail(cls, detail: dict[str, Any]) -> JobSpec:
        return cls(
            **{
                **detail,
                "kind": JobKind(detail["kind"]),
                "spans": tuple(OffsetRange(**span) for span in detail["spans"]),
                "due": tuple(OffsetRange(**span) for span in detail["due"]),
            }
        )


class OffsetSet:
    """A set of records of some spans, one byte per offset."""

    def __init__(self, spans: Iterable[OffsetRange]) -> None:
        self._marks = {span.place: (span.start, bytearray(span.size)) for span in spans}
        self._count = 0

    def add(self, source: Source) -> None:
        """Add a place; one outside the spans is ignored."""
        start, marks = self._marks.get((source[0], source[1]), (0, bytearray()))
        index = source[2] - start
        if 0 <= index < len(marks) and not marks[index]:
            marks[index] = 1
            self._count += 1

    def __contains__(self, source: Source) -> bool:
        start, marks = self._marks.get((source[0], source[1]), (0, bytearray()))
        index = source[2] - start
        return 0 <= index < len(marks) and marks[index] == 1

    def __len__(self) -> int:
        return self._count

    def spread(self, count: int) -> list[Source]:
        """Return up to `count` members, taken in turn from every partition."""
        queues = [self._members(place) for place in self._marks]
        taken: list[Source] = []
        while queues and len(taken) < count:
            heads = [(queue, next(queue, None)) for queue in queues]
            queues = [queue for queue, head in heads if head is not None]
            taken += [head for _, head in heads if head is not None]
        return taken[:count]

    def _members(self, place: tuple[str, int]) -> Iterator[Source]:
        start, marks = self._marks[place]
        index = marks.find(1)
        while index >= 0:
            yield (*place, start + index)
            index = marks.find(1, index + 1)


def new_job_id(kind: JobKind) -> str:
    """Return an id that sorts by time: `requeue-019…`."""
    return f"{kind.value}-{new_event_id(int(time.time() * 1000))[:18]}"


async def new_job(
    settings: KafkaSettings,
    reader: RangeReader,
    kind: JobKind,
    *,
    spans: Sequence[OffsetRange],
    selection: dict[str, Any],
    rate: float,
    total: int,
    why: str,
) -> JobSpec:
    """Return the spec of a job that starts now; nothing is written yet."""
    due = await reader.spans([settings.topics.due])
    ends = {span.place: span.end - 1 for span in spans if span.size}
    found = await identities_at(reader, ends)
    return JobSpec(
        job_id=new_job_id(kind),
        kind=kind,
        spans=tuple(spans),
        due=tuple(OffsetRange(s.topic, s.partition, s.end, s.end, s.log_start) for s in due),
        selection=selection,
        rate=rate,
        total=total,
        why=why,
        last_read={
            f"{topic}/{number}": (at, name) for ((topic, number), at), name in found.items()
        },
    )


async def check_same_logs(spec: JobSpec, reader: RangeReader) -> None:
    """Raise JobError when a topic of the job is not the one that it was planned for.

    What a job has copied is known by place, and in a log that went back other events are there.
    """
    readings = {}
    for span in spec.spans:
        at, name = spec.last_read.get(f"{span.topic}/{span.partition}", (-1, ""))
        witness = Witness([Rung(at, name)] if name else [])
        readings[span.topic, span.partition] = Reading(span.end, witness)
    compared = await find_gone_back(reader, readings)
    if compared.gone:
        said = "; ".join(item.sentence for item in compared.gone.values())
        raise JobError(f"{spec.job_id} cannot go on, start a new one: {said}")
    compared.refuse_silence()


async def find_job(settings: KafkaSettings, reader: RangeReader, job_id: str) -> JobSpec:
    """Return the spec of a job that was started once. Raises JobError and BrokerError."""
    actions, silent = await known_actions(reader, settings.topics, job_id=job_id)
    started = [action for action in actions if action.action == STARTED]
    if silent and not started:
        said = f"it is not known whether there is a job {job_id}: {name_silent(silent)}"
        raise NotKnownError(said)
    if not started:
        raise JobError(f"no job {job_id}; `orderstream jobs` lists them")
    return JobSpec.from_detail(started[0].detail)


async def list_jobs(
    settings: KafkaSettings, reader: RangeReader
) -> tuple[list[list[OperatorAction]], str]:
    """Return the actions of every job on record, oldest job first, and what does not answer."""
    jobs: dict[str, list[OperatorAction]] = {}
    actions, silent = await known_actions(reader, settings.topics)
    for action in actions:
        if action.action in (STARTED, PROGRESS, STOPPED, DONE):
            jobs.setdefault(action.job_id, []).append(action)
    return sorted(jobs.values(), key=lambda job: job[0].at_ms), name_silent(silent)
