"""One run of a job: copies into `salesforce.due`, exactly once each, at a rate, after live traffic.

See `stream.jobs.spec` for why a run may be killed at any moment and started again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Unpack

import structlog

from schemas.event import Envelope, Via
from schemas.headers import headers_of
from schemas.operator import copied_from, source_of_copy
from stream.config import Settings
from stream.errors import JobError, PublishError
from stream.jobs.run import JobReport, Run, RunHow
from stream.jobs.signing import signed
from stream.jobs.spec import JobSpec, OffsetSet, Source, check_same_logs
from stream.kafka.log.range_reader import OffsetRange, RangeReader
from stream.kafka.publisher import Record
from stream.ops.background import set_within
from stream.settings.kafka import KafkaSettings

log = structlog.get_logger()

# A producer that was given up may deliver for this long (see stream.kafka.publisher): look again
# after.
AMBIGUOUS_SECONDS = 6.0
MAX_FAILURES = 10  # chunks in a row that Kafka refused, a minute's worth: stop, and resume later


@dataclass(frozen=True, slots=True)
class Copy:
    """One record to publish, and the place it is made of."""

    source: Source
    record: Record


def copy_of(
    envelope: Envelope,
    settings: KafkaSettings,
    *,
    via: Via,
    job_id: str,
    place: Source,
    is_forced: bool = False,
) -> Copy:
    """Return the copy a job publishes: same event, bytes, key, partition number and origin.

    Attempts start from zero, and the failures of the past are left where they are. Raises JobError
    where there is no key to sign it with.
    """
    story = signed(
        settings,
        replace(
            envelope,
            via=via,
            job_id=job_id,
            is_forced=is_forced,
            attempt=0,
            first_failed_at_ms=None,
            not_before_ms=None,
            error=None,
        ),
    )
    record = Record(
        topic=settings.topics.due,
        key=envelope.key.encode(),
        value=envelope.value,
        headers=[*headers_of(story), copied_from(*place)],
        partition=place[1],
    )
    return Copy(source=place, record=record)


class JobRun(Run):
    """One run of a job that copies: knows what is copied already.

    It reads `salesforce.due` while the caller reads the sources.
    """

    def __init__(
        self,
        settings: Settings,
        spec: JobSpec,
        reader: RangeReader,
        **how: Unpack[RunHow],
    ) -> None:
        super().__init__(settings, spec, reader, **how)
        self._due = {span.partition: span.start for span in spec.due}
        self._copied = OffsetSet(spec.spans)
        self._refusal = ""  # the last one

    async def begin(self) -> None:
        """Put the job on record, and learn what an earlier run has copied. Raises JobError."""
        await check_same_logs(self.spec, self._reader)
        await self._find_copies(is_first=True)
        await self._record_start()
        await self._find_copies(is_first=True)  # of a run elsewhere, which ends by this start
        self.report.found = len(self._copied)
        self._tell()

    def is_copied(self, source: Source) -> bool:
        """Whether the record's copy is in `salesforce.due`."""
        return source in self._copied

    @property
    def copies(self) -> int:
        """How many copies there are, of all runs."""
        return len(self._copied)

    async def copy(self, copies: Sequence[Copy]) -> list[Source]:
        """Publish what is not there yet; return the places that are there now.

        Returns early, with what is there, when the run is stopped. Raises PublishError when
        Kafka refuses for long.
        """
        for failures in range(MAX_FAILURES):
            if failures:
                await set_within(self.stop, AMBIGUOUS_SECONDS)
                await self._find_copies()
            missing = self._missing(copies)
            if not missing or self.stop.is_set():
                break
            await self._make_room(len(missing))
            await self._publish(missing)
            if not self._missing(copies):
                break
        else:
            raise PublishError(
                f"Kafka refuses the copies ({self._refusal}); resume later with {self.spec.job_id}"
            )
        self._tell()
        return [copy.source for copy in copies if copy.source in self._copied]

    async def end(self) -> JobReport:
        """Put the end on record and return the report."""
        self.report.is_stopped = self.stop.is_set() and self.report.done < self.report.total
        return await self._record_end()

    def _missing(self, copies: Sequence[Copy]) -> list[Copy]:
        gone = self.report.too_large
        return [c for c in copies if c.source not in self._copied and c.source not in gone]

    async def _publish(self, copies: Sequence[Copy]) -> None:
        answers = await self._publisher.publish_each([copy.record for copy in copies])
        for copy, answer in zip(copies, answers, strict=True):
            if not isinstance(answer, PublishError):
                self._copied.add(copy.source)
                self.report.copied += 1
            elif answer.is_too_large:
                self.report.too_large.append(copy.source)
            else:
                self._refusal = str(answer)
                log.warning("job_copy_failed", job_id=self.spec.job_id, error=str(answer))

    async def _find_copies(self, *, is_first: bool = False) -> None:
        """Read `salesforce.due` from where it was last read, and note the job's own copies."""
        job = ("job-id", self.spec.job_id.encode())
        now = await self._reader.spans([self._settings.topics.due])
        spans = []
        for span in now:
            start = self._due.get(span.partition, span.end)
            if is_first and span.log_start > start:
                raise JobError(
                    f"{self.spec.job_id} is too old to resume: retention has deleted copies from "
                    f"{span.topic}; start a new one"
                )
            spans.append(OffsetRange(span.topic, span.partition, start, span.end, span.log_start))
            self._due[span.partition] = span.end
        before = len(self._copied)
        async for batch in self._reader.read(spans):
            for record in batch:
                if job in record.headers and (source := source_of_copy(record.headers)):
                    self._copied.add(source)
        if not is_first:
            self.report.copied += len(self._copied) - before
