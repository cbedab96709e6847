"""One run of a backfill: page by page from the store into `magento.*`, at a rate, killable.

Its place is a cursor in the operator log, written after the events before it are on disk. Between
the last cursor and a kill -9 lies at most a moment's work, and that is found again in the topics
themselves: every event names the document it was made of. So a run that goes on publishes nothing
twice that is still to be found; and what would be is harmless, being unchanged to the worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Unpack

import structlog

from schemas.codec import DecodeError
from schemas.event import Kind
from schemas.operator import READ_FROM_HEADER, OperatorAction
from schemas.parts import parts_of
from stream.backfill.event import RESOURCES, backfill_record, place_text
from stream.config import Settings
from stream.errors import PublishError
from stream.jobs.operator_log import read_actions
from stream.jobs.run import JobReport, Run, RunHow
from stream.jobs.spec import PROGRESS, STARTED, JobSpec
from stream.kafka.log.range_reader import OffsetRange, RangeReader
from stream.kafka.publisher import Record
from stream.magento.client import MagentoRest
from stream.magento.paging import Cursor, Window, changed, cursor_of
from stream.magento.times import seconds_before
from stream.ops.background import set_within

log = structlog.get_logger()

CURSOR_EVERY_SECONDS = 2.0
TAIL_MS = 60_000  # what a killed run may have published after its last cursor
REFUSED_PAUSE_SECONDS = 5.0
MAX_FAILURES = 12  # refusals in a row, a minute's worth: stop, and resume later


class BackfillRun(Run):
    """One run of a backfill job, new or resumed; a stop ends it after the page in hand."""

    def __init__(
        self,
        settings: Settings,
        spec: JobSpec,
        magento: MagentoRest,
        reader: RangeReader,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        **how: Unpack[RunHow],
    ) -> None:
        super().__init__(settings, spec, reader, **how)
        self._magento = magento
        self._clock_ms = clock_ms
        self._kept_at = 0.0
        self._kind = Kind(spec.selection["kinds"][0])
        self._cursor: Cursor | None = None
        self._published: set[tuple[Kind, bytes]] = set()

    async def run(self) -> JobReport:
        """Carry out the job. Raises MagentoError, PublishError, BrokerError; then resume it."""
        await self._find_place()
        await self._record_start()
        self._tell()
        kinds = [Kind(name) for name in self.spec.selection["kinds"]]
        for kind in kinds[kinds.index(self._kind) :]:
            if kind is not self._kind:
                self._kind, self._cursor = kind, None
            await self._read(kind)
            if self.stop.is_set():
                break
        self.report.is_stopped = self.stop.is_set()
        return await self._record_end()

    async def _read(self, kind: Kind) -> None:
        chosen = self.spec.selection
        pages = changed(
            self._magento,
            self._settings,
            RESOURCES[kind],
            Window(chosen["since"], chosen["until"], chosen["store"]),
            began=chosen["began"],
            cursor=self._cursor,
        )
        before = self._cursor
        async for page in pages:
            await self._publish(kind, self._fresh(kind, page.documents, before))
            if self.stop.is_set():
                return  # the cursor stays before a page that may be half published
            self._cursor = page.cursor
            if time.monotonic() - self._kept_at > CURSOR_EVERY_SECONDS:
                await self._record(PROGRESS, self.counts())
            self._tell()

    def _fresh(
        self, kind: Kind, documents: Sequence[dict[str, Any]], before: Cursor | None
    ) -> list[dict[str, Any]]:
        """Leave out what an earlier run has published."""
        fresh = []
        for document in documents:
            place = cursor_of(document)
            if (kind, place_text(place)) not in self._published:
                fresh.append(document)
            elif _order(place) > _order(before or Cursor()):
                self.report.found += 1
        return fresh

    async def _publish(self, kind: Kind, documents: Sequence[dict[str, Any]]) -> None:
        records = []
        for document in documents:
            try:
                records.append(self._event(kind, document))
            except DecodeError as error:
                self.report.skipped += 1
                log.warning("backfill_skipped", place=str(cursor_of(document)), reason=str(error))
        for chunk in parts_of(records, self.chunk_size):
            await self._make_room(len(chunk))
            if self.stop.is_set():
                return
            await self._publish_all(chunk)
            self._tell()

    def _event(self, kind: Kind, document: dict[str, Any]) -> Record:
        return backfill_record(
            document, kind, self._settings, job_id=self.spec.job_id, at_ms=self._clock_ms()
        )

    async def _publish_all(self, records: Sequence[Record]) -> None:
        """Publish until every record is on disk, or is known to be too large for Kafka."""
        missing, why = list(records), ""
        for failures in range(MAX_FAILURES):
            if failures:
                await set_within(self.stop, REFUSED_PAUSE_SECONDS)
            answers = await self._publisher.publish_each(missing)
            refused: list[Record] = []
            for record, answer in zip(missing, answers, strict=True):
                if not isinstance(answer, PublishError):
                    self.report.copied += 1
                elif answer.is_too_large:
                    self.report.too_large.append((record.topic, -1, len(record.value or b"")))
                else:
                    refused.append(record)
                    why = str(answer)
            missing = refused
            if not missing or self.stop.is_set():
                return
        raise PublishError(
            f"Kafka refuses the events ({why}); resume later with {self.spec.job_id}"
        )

    async def _find_place(self) -> None:
        """Learn from the operator log and the topics how far an earlier run got."""
        actions = await read_actions(self._reader, self._settings.topics, job_id=self.spec.job_id)
        started = [action for action in actions if action.action == STARTED]
        if not started:
            return
        kept = [action for action in actions if "place" in action.detail]
        since_ms: int | None = None
        if kept:
            since_ms = self._take_up(kept[-1])
        await self._find_published(since_ms)
        if not kept:
            self._cursor = Cursor()

    def _take_up(self, action: OperatorAction) -> int | None:
        """Go on from a stored cursor; return since when the topics must be looked at."""
        detail = action.detail
        place = detail["place"]
        self._kind = Kind(place["kind"])
        self._cursor = Cursor(place["updated_at"], place["entity_id"])
        self.report.found = detail["copied"] + detail["found"]
        self.report.skipped = detail["skipped"]
        recent = seconds_before(
            self.spec.selection["began"], self._settings.magento_overlap_seconds
        )
        if not self._cursor.updated_at:
            self._cursor = Cursor()
        # The second look at the recent past must know everything this job took from it.
        return None if self._cursor.updated_at >= recent else action.at_ms - TAIL_MS

    async def _find_published(self, since_ms: int | None) -> None:
        job = ("job-id", self.spec.job_id.encode())
        starts = {span.place: span.start for span in self.spec.due}
        spans = [
            OffsetRange(s.topic, s.partition, max(s.start, starts.get(s.place, 0)), s.end)
            for s in await self._reader.spans(self._settings.topics.facts, since_ms=since_ms)
        ]
        kinds = {self._settings.topics.source_of(kind): kind for kind in RESOURCES}
        async for batch in self._reader.read(spans):
            for record in batch:
                if job in record.headers:
                    made_of = dict(record.headers).get(READ_FROM_HEADER, b"")
                    self._published.add((kinds[record.topic], made_of))

    def counts(self) -> dict[str, Any]:
        """Return the counts, and the place that a run goes on from."""
        cursor = self._cursor or Cursor()
        place = {
            "kind": self._kind.value,
            "updated_at": cursor.updated_at,
            "entity_id": cursor.entity_id,
        }
        return {**super().counts(), "place": place}

    async def _record(self, action: str, detail: dict[str, Any]) -> OperatorAction:
        done = await super()._record(action, detail)
        self._kept_at = time.monotonic()
        return done


def _order(place: Cursor) -> tuple[str, int]:
    return place.updated_at, place.entity_id
