"""Running a job in a terminal: progress, a clean stop at Ctrl-C, and how to go on afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from cli.console.terminal import EXIT_INTERRUPTED, EXIT_UNKNOWN, note, print_json, stderr
from stream.config import Settings
from stream.errors import BrokerError, MagentoError, PublishError
from stream.job_service import RunOptions, read_job, resume_command, run_job
from stream.jobs.operator_log import OperatorLog
from stream.jobs.replay import ReplayPlan
from stream.jobs.run import JobReport, OnProgress
from stream.jobs.spec import JobKind, JobSpec
from stream.times import show_seconds

SAY_EVERY_SECONDS = 10.0
LABELS = {
    JobKind.REQUEUE: "requeueing",
    JobKind.REPLAY: "replaying",
    JobKind.BACKFILL: "backfilling",
}


async def run_in_terminal(
    settings: Settings,
    spec: JobSpec,
    *,
    max_backlog: int,
    plan: ReplayPlan | None = None,
) -> JobReport:
    """Carry out a job, progress on stderr; SIGINT and SIGTERM stop it after the chunk in hand."""
    note(f"job {spec.job_id}: {spec.total:,} events at up to {spec.rate:g}/s")
    stop = asyncio.Event()
    async with OperatorLog.connect(settings) as log:
        with stop_signals(stop), job_bar(LABELS[spec.kind], spec.total) as draw:
            tell, is_on_record = spoken(draw), asyncio.Event()

            def on_progress(report: JobReport) -> None:
                is_on_record.set()
                tell(report)

            options = RunOptions(
                on_progress=on_progress, stop=stop, max_backlog=max_backlog, plan=plan
            )
            try:
                return await run_job(settings, spec, log, options)
            except (BrokerError, MagentoError, PublishError):
                if is_on_record.is_set():
                    note(f"go on with: {shlex.join(resume_command(spec.job_id))}")
                raise


async def resume_in_terminal(
    settings: Settings, job_id: str, kind: JobKind, *, max_backlog: int
) -> JobReport:
    """Go on with a job of a kind. Raises JobError when it is of another kind, or unknown."""
    spec = await read_job(settings, job_id, kind=kind)
    return await run_in_terminal(settings, spec, max_backlog=max_backlog)


def finish_job(report: JobReport, *, as_json: bool) -> None:
    """Print what a run did; exit 130 when it was stopped, 3 when not all of it could be read."""
    if as_json:
        print_json(job_json(report))
    else:
        print_job(report, shlex.join(resume_command(report.job_id)))
    if report.is_stopped:
        raise typer.Exit(EXIT_INTERRUPTED)
    if report.unread:
        raise typer.Exit(EXIT_UNKNOWN)


@contextmanager
def stop_signals(stop: asyncio.Event) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM set an event; the second ends the process, as usual.

    What is in hand may be a call to a store that hangs, or a broker that is away: minutes.
    """
    loop = asyncio.get_running_loop()
    names = (signal.SIGINT, signal.SIGTERM)

    def let_go() -> None:
        for name in names:
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(name)

    def on_signal() -> None:
        stop.set()
        let_go()
        note("stopping after what is in hand; once more stops at once, and nothing is lost by it")

    for name in names:
        loop.add_signal_handler(name, on_signal)
    try:
        yield
    finally:
        let_go()


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
    if report.unread:
        note(f"  not read, so not part of it: {report.unread}")
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
        "unread": report.unread,
        "is_stopped": report.is_stopped,
        "seconds": round(report.seconds, 3),
    }


def spoken(draw: OnProgress) -> OnProgress:
    """Return what draws progress on a terminal, and says it in lines elsewhere."""
    said_at = 0.0

    def tell(report: JobReport) -> None:
        nonlocal said_at
        draw(report)
        if stderr.is_terminal or report.seconds - said_at < SAY_EVERY_SECONDS:
            return
        said_at = report.seconds
        speed = report.copied / report.seconds
        left = max(0, report.total - report.done)
        note(
            f"{report.done:,} of {report.total:,}, {speed:,.0f}/s, about "
            f"{show_seconds(left / speed if speed else None)} left {report.waiting}".rstrip()
        )

    return tell
