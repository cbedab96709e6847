"""`orderstream jobs`: requeues and replays, who started them, and how far they got."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.console.terminal import operator_settings, print_json, run_async, stdout
from stream.jobs.listing import job_of
from stream.times import show_time

if TYPE_CHECKING:
    from schemas.operator import OperatorAction
    from stream.config import Settings


def jobs(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List requeues and replays with their ids, newest first.

    Exit 0. 2: settings or Kafka.

    Example: orderstream jobs
    """
    settings = operator_settings()
    read = [job_of(actions) for actions in reversed(run_async(_read(settings)))]
    if as_json:
        print_json(read)
        return
    from rich.table import Table
    from rich.text import Text

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


async def _read(settings: Settings) -> list[list[OperatorAction]]:
    from stream.jobs.spec import list_jobs
    from stream.kafka.range_reader import RangeReader

    async with RangeReader(settings) as reader:
        return await list_jobs(settings, reader)
