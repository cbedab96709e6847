"""What one run of any job has: its report, its pace, and its lines in the operator log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from schemas.operator import OperatorAction
from stream.config import Settings
from stream.jobs.operator_log import OperatorLog
from stream.jobs.spec import DONE, STARTED, STOPPED, JobSpec, Source
from stream.jobs.takeover import Takeover
from stream.jobs.throttle import JobPace
from stream.kafka.log.range_reader import RangeReader


@dataclass(slots=True)
class JobReport:
    """What a run did. `copied` counts this run, `found` what an earlier run had copied.

    `skipped`: events that somebody else dealt with while the job ran. `unread`: places of logs that
    nobody can read, where more of its events may be.
    """

    job_id: str
    total: int
    copied: int = 0
    found: int = 0
    skipped: int = 0
    too_large: list[Source] = field(default_factory=list)
    is_stopped: bool = False
    waiting: str = ""
    unread: str = ""
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """How many of the job's events are dealt with: copied, skipped or impossible."""
        return self.copied + self.found + self.skipped + len(self.too_large)


OnProgress = Callable[[JobReport], None]


class RunHow(TypedDict):
    """How a run is carried out, whatever its job copies."""

    operator: OperatorLog
    max_backlog: int
    stop: NotRequired[asyncio.Event | None]
    on_progress: NotRequired[OnProgress | None]


class Run:
    """`reader` is for this run alone. Setting `stop` ends it after the chunk or page in hand.

    `max_backlog`: wait while the workers are this many events behind; 0 = never wait.
    """

    def __init__(
        self,
        settings: Settings,
        spec: JobSpec,
        reader: RangeReader,
        *,
        operator: OperatorLog,
        max_backlog: int,
        stop: asyncio.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.spec = spec
        self.stop = stop or asyncio.Event()
        self.report = JobReport(spec.job_id, spec.total)
        self._settings = settings
        self._reader = reader
        self.operator = operator
        self._publisher = operator.publisher
        self._on_progress = on_progress or (lambda _report: None)
        self._pace = JobPace(
            settings, reader, rate=spec.rate, max_backlog=max_backlog, stop=self.stop
        )
        self.chunk_size = self._pace.chunk_size
        self._takeover = Takeover(reader, settings.topics, spec.job_id)
        self._began = time.monotonic()

    def counts(self) -> dict[str, Any]:
        """Return how far the run is, for the operator log."""
        return {
            "kind": self.spec.kind.value,
            "total": self.report.total,
            "copied": self.report.copied,
            "found": self.report.found,
            "skipped": self.report.skipped,
            "too_large": len(self.report.too_large),
        }

    async def _record_start(self) -> None:
        await self._takeover.begin(self._record(STARTED, self.spec.as_detail()))

    async def _make_room(self, count: int) -> None:
        """Wait until so many events may be published. Raises JobError when another run began."""
        await self._pace.make_room(count, self._wait)
        await self._takeover.refuse()

    async def _record_end(self) -> JobReport:
        await self._record(STOPPED if self.report.is_stopped else DONE, self.counts())
        self._tell()
        return self.report

    async def _record(self, action: str, detail: dict[str, Any]) -> OperatorAction:
        return await self.operator.record(
            action, why=self.spec.why, job_id=self.spec.job_id, detail=detail
        )

    def _wait(self, reason: str) -> None:
        self.report.waiting = reason
        self._tell()

    def _tell(self) -> None:
        self.report.seconds = time.monotonic() - self._began
        self._on_progress(self.report)
