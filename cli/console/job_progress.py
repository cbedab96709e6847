"""Running a job in a terminal: progress, a clean stop at Ctrl-C, and how to go on afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from cli.console.terminal import fail, note, stderr
from stream.config import Settings
from stream.jobs.operator_log import OperatorLog
from stream.jobs.runner import JobReport, JobRun, OnProgress
from stream.jobs.spec import JobSpec
from stream.kafka.publisher import KafkaPublisher
from stream.kafka.range_reader import RangeReader
from stream.times import show_seconds


@dataclass(frozen=True, slots=True)
class JobTerminal:
    """What a command that changes something works with."""

    publisher: KafkaPublisher
    operator: OperatorLog


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[JobTerminal]:
    """Open a publisher and the operator log."""
    publisher = KafkaPublisher(settings)
    await publisher.start()
    try:
        yield JobTerminal(publisher, OperatorLog(publisher, settings.topics))
    finally:
        await publisher.stop()


@asynccontextmanager
async def job_run(
    settings: Settings, spec: JobSpec, desk: JobTerminal, *, max_backlog: int, label: str
) -> AsyncIterator[JobRun]:
    """Prepare a run with progress on stderr; SIGINT and SIGTERM stop it after the chunk in hand.

    Exit 2 when the job is running on this machine already.
    """
    stop = asyncio.Event()
    async with RangeReader(settings) as reader:
        with (
            job_lock(settings.state_directory / "jobs", spec.job_id),
            stop_signals(stop),
            job_bar(label, spec.total) as on_progress,
        ):
            yield JobRun(
                settings,
                spec,
                reader,
                desk.publisher,
                operator=desk.operator,
                max_backlog=max_backlog,
                stop=stop,
                on_progress=on_progress,
            )


@contextmanager
def job_lock(folder: Path, job_id: str) -> Iterator[None]:
    """Keep a second run of the same job away; the lock dies with its process."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{job_id}.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fail(f"{job_id} is running already")
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def stop_signals(stop: asyncio.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set an event instead of killing."""
    loop = asyncio.get_running_loop()
    names = (signal.SIGINT, signal.SIGTERM)
    for name in names:
        loop.add_signal_handler(name, stop.set)
    try:
        yield
    finally:
        for name in names:
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(name)


@contextmanager
def job_bar(label: str, total: int) -> Iterator[OnProgress]:
    """Show a job's progress; yields what a run calls with its report."""
    columns = (
        TextColumn(label),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[waiting]}"),
    )
    with Progress(
        *columns, console=stderr, transient=True, disable=not stderr.is_terminal
    ) as progress:
        task = progress.add_task(label, total=total, waiting="")

        def update(report: JobReport) -> None:
            progress.update(task, completed=report.done, waiting=report.waiting)

        yield update


def print_job(report: JobReport, resume: str) -> None:
    """Print what a run did; `resume` is the command that goes on."""
    rate = report.copied / report.seconds if report.seconds else 0
    note(
        f"{report.job_id}: {report.done:,} of {report.total:,} done, {report.copied:,} copied in "
        f"{show_seconds(report.seconds)} ({rate:,.0f}/s)"
    )
    for count, text in (
        (report.found, "had been copied by an earlier run"),
        (report.skipped, "were resolved by somebody else meanwhile"),
        (len(report.too_large), "are too large for Kafka and stay where they are"),
    ):
        if count:
            note(f"  {count:,} {text}")
    if report.is_stopped:
        note(f"stopped; go on with: {resume}")


def job_json(report: JobReport) -> dict[str, Any]:
    """Return a run's report as JSON-ready data."""
    return {
        "job_id": report.job_id,
        "total": report.total,
        "done": report.done,
        "copied": report.copied,
        "found": report.found,
        "skipped": report.skipped,
        "too_large": [f"{topic}/{part}@{offset}" for topic, part, offset in report.too_large],
        "is_stopped": report.is_stopped,
        "seconds": round(report.seconds, 3),
    }
