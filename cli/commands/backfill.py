"""`orderstream backfill`: load what the store had before the webhooks, or what they missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cli.console.job_options import MaxBacklogOption, RateOption, WhyOption
from cli.console.job_progress import finish_job, resume_in_terminal, run_in_terminal
from cli.console.terminal import (
    EXIT_NO,
    fail,
    in_order,
    note,
    now_ms,
    operator_settings,
    print_json,
    run_async,
    time_option,
)
from schemas.event import Kind
from stream.backfill.plan import BackfillPlan, new_backfill, plan_backfill
from stream.config import Role, Settings
from stream.jobs.run import JobReport
from stream.jobs.spec import DEFAULT_MAX_BACKLOG, JobKind
from stream.kafka.log.range_reader import RangeReader
from stream.magento.client import MagentoRest, open_magento
from stream.magento.paging import Window, new_window
from stream.settings.magento import MagentoSettings
from stream.settings.worker import WorkerSettings
from stream.times import show_seconds

DEFAULT_RATE = 100.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants backfilled, and how."""

    kinds: tuple[Kind, ...]
    window: Window
    rate: float
    why: str
    max_backlog: int


def backfill(
    *,
    since: Annotated[
        str | None, typer.Option("--from", help="Saved since: 2026-01-01, 30d, '2h ago'.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Saved until; default now.")] = None,
    store: Annotated[str, typer.Option(help="Only this Magento store id.")] = "",
    orders: Annotated[bool, typer.Option(help="Read orders.")] = True,
    customers: Annotated[bool, typer.Option(help="Read customers too, before the orders.")] = False,
    rate: RateOption = DEFAULT_RATE,
    max_backlog: MaxBacklogOption = DEFAULT_MAX_BACKLOG,
    why: WhyOption = "",
    run: Annotated[bool, typer.Option("--run", help="Do it; without it: a dry run.")] = False,
    resume: Annotated[str, typer.Option(help="Go on with a job, by its id.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read orders and customers from Magento and put them into the pipe, behind live events.

    A dry run by default: how many, how long, and how many calls to Magento and Salesforce. It may
    be killed at any time and resumed by its id. It never overwrites what is newer.
    Exit 0: done, or a dry run. 1: nothing there. 2: settings, Magento or Kafka.
    3: it is not known whether there is the job. 130: stopped.

    Example: orderstream backfill --from 2026-01-01 --customers --run --why "go live"
    """
    settings = operator_settings(Role.MAGENTO, *((Role.JOBS,) if run or resume else ()))
    if resume:
        work = resume_in_terminal(settings, resume, JobKind.BACKFILL, max_backlog=max_backlog)
        finish_job(run_async(work), as_json=as_json)
        return
    since_ms, until_ms = time_option("--from", since), time_option("--to", until)
    if since_ms is None:
        fail("--from: say how far back, for example 2026-01-01 or 30d")
    kinds = ((Kind.CUSTOMER,) if customers else ()) + ((Kind.ORDER,) if orders else ())
    if not kinds:
        fail("--no-orders without --customers leaves nothing to read")
    bounds = in_order(since_ms, now_ms() if until_ms is None else until_ms)
    window = new_window(*bounds, store)
    wish = Wish(kinds, window, rate, why, max_backlog)
    if run:
        finish_job(run_async(_run(settings, wish)), as_json=as_json)
        return
    plan, budget = run_async(_preview(settings, wish))
    if as_json:
        print_json(plan_json(settings, plan, rate, budget))
    else:
        _print_plan(settings, plan, rate, budget)
    if not plan.events:
        raise typer.Exit(EXIT_NO)


def salesforce_calls(settings: WorkerSettings, events: int, seconds: float) -> tuple[int, int]:
    """Return about how few and how many Salesforce calls a backfill takes.

    Few when batches are full; many when they are not: a slow backfill is written in small batches,
    one per linger and worker.
    """
    from agents.delivery.api_choice import composite_calls

    few = composite_calls(events)
    batches = seconds / settings.worker_linger_seconds * settings.worker_count
    return few, min(events, max(few, round(batches)))


def plan_json(
    settings: Settings, plan: BackfillPlan, rate: float, budget: float | None
) -> dict[str, Any]:
    """Return the plan as JSON-ready data; `budget` is what is left of the day's calls."""
    seconds = plan.seconds(rate, settings.magento_calls_per_second)
    few, many = salesforce_calls(settings, plan.events, seconds)
    return {
        "from": plan.window.since,
        "to": plan.window.until,
        "store": plan.window.store or None,
        "events": plan.events,
        "counts": {kind.value: count for kind, count in plan.counts.items()},
        "magento_calls": plan.magento_calls,
        "salesforce_calls_at_least": few,
        "salesforce_calls_at_most": many,
        "salesforce_calls_left_today": budget,
        "seconds": round(seconds, 1),
    }


async def _plan(settings: MagentoSettings, magento: MagentoRest, wish: Wish) -> BackfillPlan:
    return await plan_backfill(settings, magento, wish.kinds, wish.window, now_ms=now_ms())


async def _preview(settings: Settings, wish: Wish) -> tuple[BackfillPlan, float | None]:
    from agents.pacing.remaining_calls import calls_left

    async with open_magento(settings) as magento:
        plan = await _plan(settings, magento, wish)
    return plan, await calls_left(settings, tell=note)


async def _run(settings: Settings, wish: Wish) -> JobReport:
    async with open_magento(settings) as magento, RangeReader(settings) as reader:
        plan = await _plan(settings, magento, wish)
        if not plan.events:
            fail("the store has nothing in this window", code=EXIT_NO)
        spec = await new_backfill(settings, reader, plan, rate=wish.rate, why=wish.why)
    return await run_in_terminal(settings, spec, max_backlog=wish.max_backlog)


def _print_plan(settings: Settings, plan: BackfillPlan, rate: float, budget: float | None) -> None:
    counted = " and ".join(f"{count:,} {kind.value}s" for kind, count in plan.counts.items())
    where = f" of store {plan.window.store}" if plan.window.store else ""
    note(f"{counted}{where}, saved {plan.window.since} to {plan.window.until} (UTC)")
    calls_per_second = settings.magento_calls_per_second
    seconds = plan.seconds(rate, calls_per_second)
    few, many = salesforce_calls(settings, plan.events, seconds)
    note(
        f"{plan.magento_calls:,} calls to Magento at {calls_per_second:g}/s, {few:,} to {many:,} "
        f"to Salesforce, {show_seconds(seconds)} at {rate:g} events/s"
    )
    if few < many:
        note("a higher --rate fills the batches and saves Salesforce calls")
    if budget is not None:
        note(f"{budget:,.0f} calls of our share of Salesforce's day are left for a backfill")
        if many > budget:
            note(f"not enough for one day, up to {many / max(1.0, budget):.1f}: it waits by itself")
    note("dry run: nothing was published; --run does it")
