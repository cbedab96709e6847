"""`orderstream jobs`: requeues and replays, who started them, and how far they got."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.terminal import operator_settings, print_json, run_async, stdout
from cli.when import show_time

if TYPE_CHECKING:
    from schemas.operator import OperatorAction
    from stream.config import Settings

STATES = {
    "job-started": "running or killed",
    "job-progress": "running or killed",
    "job-stopped": "stopped",
    "job-done": "done",
}


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


async def _read(settings: Settings) -> list[list[OperatorAction]]:
    from stream.jobs import list_jobs
    from stream.reader import TopicReader

    async with TopicReader(settings) as reader:
        return await list_jobs(settings, reader)
