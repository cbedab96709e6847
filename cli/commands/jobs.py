"""`orderstream jobs`: requeues and replays, who started them, and how far they got."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli.console.terminal import (
    EXIT_UNKNOWN,
    note,
    operator_settings,
    print_json,
    run_async,
    stdout,
)
from stream.job_service import read_jobs
from stream.times import show_time


def jobs(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List requeues and replays with their ids, newest first.

    Exit 0. 2: settings or Kafka. 3: what is known is shown, and a partition does not answer.

    Example: orderstream jobs
    """
    settings = operator_settings()
    read, unread = run_async(read_jobs(settings))
    if as_json:
        print_json(read)
    else:
        _print(read)
    if unread:
        note(f"not known: there may be other jobs, or these may be further: {unread}")
        raise typer.Exit(EXIT_UNKNOWN)


def _print(read: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="bold")
    for name in ("job", "state", "done", "of", "by", "since (UTC)", "why"):
        table.add_column(name, no_wrap=name == "job")
    for job in read:
        table.add_row(
            job["job_id"],
            job["state"],
            f"{job['done']:,}",
            f"{job['total']:,}",
            Text(job["who"]),
            show_time(job["started_ms"]),
            Text(job["why"]),
        )
    stdout.print(table)
