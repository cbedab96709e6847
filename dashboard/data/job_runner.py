"""Runs jobs inside the dashboard: started, watched, stopped and resumed from its pages.

The same jobs as the command line's: they are in the operator log, any machine can resume them, and
a dashboard that ends stops them after the chunk in hand.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from dashboard.data.dry_runs import DryRun
from stream.config import Settings
from stream.dlq.requeue import new_requeue
from stream.errors import JobError, StreamError
from stream.job_service import RunOptions, read_job, read_jobs, run_job
from stream.jobs.operator_log import OperatorLog
from stream.jobs.replay import ReplayPlan, new_replay
from stream.jobs.run import JobReport
from stream.jobs.spec import JobSpec
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.publisher import KafkaPublisher
from stream.settings.kafka import KafkaSettings

log = structlog.get_logger()

STOP_DEADLINE_SECONDS = 20.0
LISTED_SECONDS = 2.0


@dataclass(slots=True)
class RunningJob:
    """A job that this process runs, or ran. `report` is the latest word of the run."""

    spec: JobSpec
    who: str
    report: JobReport
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    is_running: bool = True
    problem: str = ""

    @property
    def rate(self) -> float:
        """Events copied per second of this run."""
        return self.report.copied / self.report.seconds if self.report.seconds else 0.0

    @property
    def seconds_left(self) -> float:
        """How long it takes yet, at the rate it has and at most at the rate it may."""
        return (self.report.total - self.report.done) / (self.rate or self.spec.rate)


class JobRunner:
    """The jobs of this process, and the list of all jobs from the operator log."""

    def __init__(self, settings: Settings, publisher: KafkaPublisher) -> None:
        self._settings = settings
        self.publisher = publisher
        self._running: dict[str, RunningJob] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listed: list[dict[str, Any]] = []
        self._listed_at = float("-inf")
        self.unread = ""

    def operator(self, who: str) -> OperatorLog:
        """Return the operator log that writes for a person."""
        return OperatorLog(self.publisher, self._settings.topics, who=who)

    def find(self, job_id: str) -> RunningJob | None:
        return self._running.get(job_id)

    @property
    def active(self) -> list[RunningJob]:
        return [job for job in self._running.values() if job.is_running]

    async def start(self, draft: DryRun, *, who: str, why: str) -> str:
        """Make a job of a draft and run it; return its id. Raises JobError and BrokerError."""
        if draft.job_id:
            raise JobError(f"this dry run was started already, as {draft.job_id}")
        draft.job_id = "being started"
        try:
            async with RangeReader(self._settings) as reader:
                spec = await _spec(self._settings, reader, draft, why)
        except BaseException:
            draft.job_id = ""
            raise
        draft.job_id = spec.job_id
        self._run(spec, who, draft.replay)
        return spec.job_id

    async def resume(self, job_id: str, *, who: str) -> None:
        """Go on with a job that was stopped or killed. Raises JobError and BrokerError."""
        self._refuse_running(job_id)
        spec = await read_job(self._settings, job_id)
        self._refuse_running(job_id)  # a form posted twice: the second would hide the first
        self._run(spec, who, None)

    def _refuse_running(self, job_id: str) -> None:
        job = self._running.get(job_id)
        if job is not None and job.is_running:
            raise JobError(f"{job_id} is running")

    async def listed(self) -> list[dict[str, Any]]:
        """Return every job on record, newest first, with live figures of those that run here.

        `unread` says what does not answer: there may be others.
        """
        if time.monotonic() - self._listed_at > LISTED_SECONDS:
            self._listed, self.unread = await read_jobs(self._settings)
            self._listed_at = time.monotonic()
        return [job | self._live(job["job_id"]) for job in self._listed]

    async def stop(self) -> None:
        """Stop every job after the chunk in hand."""
        for job in self.active:
            job.stop.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_DEADLINE_SECONDS)
            for task in late:
                task.cancel()

    def _live(self, job_id: str) -> dict[str, Any]:
        job = self._running.get(job_id)
        if job is None or not job.is_running:
            return {}
        return {"state": "running here", "done": job.report.done}

    def _run(self, spec: JobSpec, who: str, plan: ReplayPlan | None) -> None:
        job = RunningJob(spec, who, JobReport(spec.job_id, spec.total))
        self._running[spec.job_id] = job
        task = asyncio.create_task(self._carry_out(job, plan))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, job: RunningJob, plan: ReplayPlan | None) -> None:
        try:
            options = RunOptions(
                on_progress=partial(setattr, job, "report"), stop=job.stop, plan=plan
            )
            job.report = await run_job(self._settings, job.spec, self.operator(job.who), options)
        except StreamError as error:
            job.problem = str(error)
        except Exception as error:  # the page must say that it ended
            log.exception("dashboard_job_failed", job_id=job.spec.job_id)
            job.problem = f"it failed ({type(error).__name__}); resume goes on with the rest"
        finally:
            job.is_running = False
            self._listed_at = float("-inf")


async def _spec(settings: KafkaSettings, reader: RangeReader, draft: DryRun, why: str) -> JobSpec:
    if draft.requeue is not None:
        return await new_requeue(settings, reader, draft.requeue, rate=draft.rate, why=why)
    if draft.replay is not None:
        return await new_replay(settings, reader, draft.replay, rate=draft.rate, why=why)
    raise JobError("the dry run is not done")
