"""One service for every kind of job, for the commands and the dashboard alike.

A job is made by its kind's `new_…` function and carried out here, new or resumed: one lock, one
table of kinds, one place that knows what each kind reads. The lock is of this machine; when a run
begins on another one, the first ends within seconds (`stream.jobs.takeover`), and what it had
copied is found in the topics.
"""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, assert_never

from schemas.operator import OperatorAction
from stream.backfill.runner import BackfillRun
from stream.config import Role, Settings
from stream.dlq.index import DeadLetterIndex
from stream.dlq.requeue import run_requeue
from stream.errors import JobError, SettingsError
from stream.jobs.operator_log import OperatorLog
from stream.jobs.replay import ReplayPlan, run_replay
from stream.jobs.run import JobReport, OnProgress, RunHow
from stream.jobs.runner import JobRun
from stream.jobs.spec import DEFAULT_MAX_BACKLOG, JobKind, JobSpec, find_job, list_jobs
from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.passing_reader import PassingReader
from stream.magento.client import open_magento
from stream.settings.required import missing_settings

COMMANDS: Mapping[JobKind, tuple[str, ...]] = {
    JobKind.REQUEUE: ("dlq", "requeue"),
    JobKind.REPLAY: ("replay",),
    JobKind.BACKFILL: ("backfill",),
}


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run behaves. `plan`: of a new replay, which need not be made again.

    `max_backlog`: wait while the workers are this many events behind; 0 = never.
    """

    on_progress: OnProgress | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    max_backlog: int = DEFAULT_MAX_BACKLOG
    plan: ReplayPlan | None = None


def kind_of(job_id: str) -> JobKind:
    """Return the kind that a job's id begins with. Raises JobError."""
    try:
        return JobKind(job_id.partition("-")[0])
    except ValueError:
        kinds = ", ".join(JobKind)
        raise JobError(f"{job_id} is no job's id: one begins with {kinds}") from None


def resume_command(job_id: str) -> tuple[str, ...]:
    """Return the words of the command that goes on with a job. Raises JobError."""
    return ("orderstream", *COMMANDS[kind_of(job_id)], "--resume", job_id)


async def read_job(settings: Settings, job_id: str, *, kind: JobKind | None = None) -> JobSpec:
    """Return the spec of a job on record, of the wanted kind. Raises JobError and BrokerError."""
    async with PassingReader(settings) as reader:
        spec = await find_job(settings, reader, job_id)
    if kind not in (None, spec.kind):
        command = " ".join(resume_command(job_id))
        raise JobError(f"{job_id} is a {spec.kind.value}: {command}")
    return spec


async def read_jobs(settings: Settings) -> tuple[list[dict[str, Any]], str]:
    """Return a line for every job on record, newest first, and what does not answer."""
    async with PassingReader(settings) as reader:
        actions, unread = await list_jobs(settings, reader)
    return [job_of(job) for job in reversed(actions)], unread


async def run_job(
    settings: Settings,
    spec: JobSpec,
    operator: OperatorLog,
    options: RunOptions,
) -> JobReport:
    """Carry out a job, new or resumed, until it is done or `options.stop` is set.

    Raises JobError (it runs here already, it is too old), SettingsError, MagentoError, BrokerError
    and PublishError; whatever was done until then is done, and a resumed run does the rest.
    """
    if spec.kind is JobKind.BACKFILL and (problems := missing_settings(settings, Role.MAGENTO)):
        raise SettingsError(problems)
    with job_lock(settings.state_directory / "jobs", spec.job_id):
        async with AsyncExitStack() as stack:
            return await _carry_out(stack, settings, spec, operator, options)


async def _carry_out(
    stack: AsyncExitStack,
    settings: Settings,
    spec: JobSpec,
    operator: OperatorLog,
    options: RunOptions,
) -> JobReport:
    own = await stack.enter_async_context(PassingReader(settings))
    how: RunHow = {
        "operator": operator,
        "max_backlog": options.max_backlog,
        "stop": options.stop,
        "on_progress": options.on_progress,
    }
    if spec.kind is JobKind.BACKFILL:
        magento = await stack.enter_async_context(open_magento(settings))
        return await BackfillRun(settings, spec, magento, own, **how).run()
    run = JobRun(settings, spec, own, **how)
    sources = await stack.enter_async_context(PassingReader(settings))
    match spec.kind:
        case JobKind.REPLAY:
            report = await run_replay(settings, run, sources, options.plan)
        case JobKind.REQUEUE:
            letters = await stack.enter_async_context(PassingReader(settings))
            index = DeadLetterIndex(settings, letters)
            report = await run_requeue(settings, run, sources, index)
            sources.broken.take_in(letters.broken)
        case _:
            assert_never(spec.kind)
    sources.broken.take_in(own.broken)
    report.unread = name_silent(sources.broken.told())
    return report


@contextmanager
def job_lock(folder: Path, job_id: str) -> Iterator[None]:
    """Keep a second run of the same job away; the lock dies with its process. Raises JobError.

    The file stays: who deletes it could delete the lock that another process has just taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{job_id}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JobError(f"{job_id} is running already") from None
        yield


STATES = {
    "job-started": "running or killed",
    "job-progress": "running or killed",
    "job-stopped": "stopped",
    "job-done": "done",
}


def job_of(actions: list[OperatorAction]) -> dict[str, Any]:
    """Return one job's line from its actions, oldest first."""
    first, last = actions[0], actions[-1]
    ends = [action.detail for action in actions if "copied" in action.detail]
    end = ends[-1] if ends else {}
    done = sum(end.get(name, 0) for name in ("copied", "found", "skipped", "too_large"))
    return {
        "job_id": first.job_id,
        "state": STATES.get(last.action, last.action),
        "done": done,
        "total": first.detail.get("total", 0),
        "who": first.who,
        "why": first.why,
        "started_ms": first.at_ms,
        "last_ms": last.at_ms,
    }
