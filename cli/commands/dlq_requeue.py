"""`orderstream dlq requeue`: plan, confirm, run at a rate, report; resumable."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console.dead_letter_options import (
    CodeOption,
    FieldOption,
    OrderOption,
    SinceOption,
    StoreOption,
    UntilOption,
    exit_unless_known,
    fail_for_none,
    letter_filter,
    say_unread,
)
from cli.console.job_options import MaxBacklogOption, RateOption, WhyOption
from cli.console.job_progress import finish_job, resume_in_terminal, run_in_terminal
from cli.console.terminal import (
    EXIT_NO,
    fail,
    is_confirmed,
    note,
    operator_settings,
    print_json,
    run_async,
)
from stream.config import Role, Settings
from stream.dlq.causes import open_index
from stream.dlq.requeue import RequeuePlan, new_requeue, plan_requeue
from stream.jobs.run import JobReport
from stream.jobs.spec import DEFAULT_MAX_BACKLOG, DEFAULT_RATE, JobKind
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import RangeReader
from stream.times import show_seconds, show_time

if TYPE_CHECKING:
    from agents.mapping_preview.predict import Prediction


def requeue(
    ids: Annotated[list[str] | None, typer.Argument(help="Letter or event ids.")] = None,
    *,
    code: CodeOption = "",
    field: FieldOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    order: OrderOption = "",
    store: StoreOption = "",
    everything: Annotated[bool, typer.Option("--all", help="All open dead letters.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Most events to requeue.")] = None,
    rate: RateOption = DEFAULT_RATE,
    max_backlog: MaxBacklogOption = DEFAULT_MAX_BACKLOG,
    why: WhyOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Run without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, do nothing.")] = False,
    resume: Annotated[str, typer.Option(help="Go on with a job, by its id.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Put dead letters back: each event once, its attempts from zero, its story kept.

    A job that was stopped or killed goes on with --resume; nothing is published twice.
    Exit 0: done, or a dry run. 1: nothing fits or not confirmed. 2: settings, Kafka or job.
    3: the same for what was read, and a partition does not answer. 130: stopped by Ctrl-C.

    Example: orderstream dlq requeue --code STRING_TOO_LONG --rate 50 --why "mapping fixed"
    """
    settings = operator_settings(*(() if dry_run else (Role.JOBS,)))
    if resume:
        work = resume_in_terminal(settings, resume, JobKind.REQUEUE, max_backlog=max_backlog)
        finish_job(run_async(work), as_json=as_json)
        return
    wanted = letter_filter(
        settings,
        code=code,
        field=field,
        since=since,
        until=until,
        order=order,
        store=store,
        ids=ids,
    )
    if wanted.is_everything and not everything:
        fail("say which: give ids, a filter, or --all")
    plan, predictions = run_async(_plan(settings, wanted, limit))
    say_unread(plan.unread)
    if not as_json:
        _print_plan(plan, predictions, rate)
    if not plan.events:
        exit_unless_known(plan.unread)
        fail_for_none(settings)
    if dry_run:
        if as_json:
            print_json(plan_json(plan, predictions, rate))
        exit_unless_known(plan.unread)
        return
    if not yes and not is_confirmed("Requeue them?"):
        raise typer.Exit(EXIT_NO)
    finish_job(run_async(_run(settings, plan, rate, why, max_backlog)), as_json=as_json)
    exit_unless_known(plan.unread)


def plan_json(plan: RequeuePlan, predictions: list[Prediction], rate: float) -> dict[str, Any]:
    """Return the plan as JSON-ready data."""
    return {
        "letters": plan.letters,
        "events": plan.events,
        "orders": plan.orders,
        "oldest_ms": plan.oldest_ms,
        "seconds": round(plan.events / rate, 1),
        "unread": plan.unread,
        "samples": [letter.id for letter in plan.samples],
        "predicted": Counter(item.forecast.value for item in predictions),
        "refusals": sorted({item.reason for item in predictions if item.reason}),
    }


async def _plan(
    settings: Settings, wanted: Any, limit: int | None
) -> tuple[RequeuePlan, list[Prediction]]:
    from agents.mapping_preview.load import load_mapping, predict_letters

    async with open_index(settings) as index, PassingReader(settings) as reader:
        plan = plan_requeue(index, settings.topics.dead_letters, wanted, limit=limit)
        if not plan.events:
            return plan, []
        mapping = await load_mapping(settings, tell=note)
        return plan, await predict_letters(settings, reader, mapping, plan.samples)


async def _run(
    settings: Settings, plan: RequeuePlan, rate: float, why: str, max_backlog: int
) -> JobReport:
    async with RangeReader(settings) as reader:
        spec = await new_requeue(settings, reader, plan, rate=rate, why=why)
    return await run_in_terminal(settings, spec, max_backlog=max_backlog)


def _print_plan(plan: RequeuePlan, predictions: list[Prediction], rate: float) -> None:
    note(
        f"{plan.events:,} events of {plan.orders:,} orders ({plan.letters:,} letters), the oldest "
        f"of {show_time(plan.oldest_ms)}, in {show_seconds(plan.events / rate)} at {rate:g}/s"
    )
    for forecast, count in Counter(item.forecast for item in predictions).items():
        note(f"  {count} of {len(predictions)} samples: {forecast.value}")
    for reason in sorted({item.reason for item in predictions if item.reason}):
        note(f"    {reason}")
