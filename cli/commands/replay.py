"""`orderstream replay`: re-read history into Salesforce, after a look at what it would change."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.replay_missing import of_missing
from cli.console.dead_letter_options import record_unmask
from cli.console.job_options import MaxBacklogOption, RateOption, WhyOption
from cli.console.job_progress import finish_job, resume_in_terminal, run_in_terminal
from cli.console.terminal import (
    EXIT_NO,
    EXIT_UNKNOWN,
    fail,
    note,
    operator_settings,
    print_json,
    progress_bar,
    run_async,
    window_options,
)
from stream.config import Role, Settings
from stream.jobs.replay import (
    ReplayFilter,
    ReplayPlan,
    ReplayRange,
    new_replay,
    plan_replay,
)
from stream.jobs.run import JobReport
from stream.jobs.spec import DEFAULT_MAX_BACKLOG, DEFAULT_RATE, JobKind
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import RangeReader
from stream.ops.masking import mask_document, mask_record, mask_text
from stream.settings.kafka import KafkaSettings
from stream.times import show_seconds, show_time
from stream.topics import Topics

if TYPE_CHECKING:
    from agents.mapping_preview.predict import EventChange

NAMES = Topics()
SHOWN_SAMPLES = 5
SHOWN_VALUE = 40


def replay(
    *,
    topic: Annotated[str, typer.Option(help=f"One of {', '.join(NAMES.facts)}.")] = NAMES.orders,
    since: Annotated[
        str | None, typer.Option("--from", help="Accepted since: 2026-11-25T10:00, 3d, '2h ago'.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Accepted before; default now.")] = None,
    order: Annotated[str, typer.Option(help="Only this order number (or e-mail).")] = "",
    store: Annotated[str, typer.Option(help="Only this Magento store id.")] = "",
    status: Annotated[str, typer.Option(help="Only orders with this Magento status.")] = "",
    latest_only: Annotated[
        bool,
        typer.Option(
            "--latest-only/--all", help="One event per order, the newest, or every event."
        ),
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Send content that Salesforce has already, too.")
    ] = False,
    missing: Annotated[
        bool,
        typer.Option(
            "--missing",
            help="Only what `audit` names as held by nobody, and the newest of its orders.",
        ),
    ] = False,
    rate: RateOption = DEFAULT_RATE,
    limit: Annotated[int | None, typer.Option(min=1, help="Most events to publish.")] = None,
    max_backlog: MaxBacklogOption = DEFAULT_MAX_BACKLOG,
    why: WhyOption = "",
    run: Annotated[bool, typer.Option("--run", help="Do it; without it: a dry run.")] = False,
    resume: Annotated[str, typer.Option(help="Go on with a job, by its id.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    unmask: Annotated[bool, typer.Option(help="Show personal data; on record.")] = False,
) -> None:
    """Send accepted events again, for example after a change of the mapping.

    A dry run by default: how many events and orders, and what would change in Salesforce for a
    sample. An old event never wins over a newer one. After a mapping change: --force.
    Exit 0: done, or a dry run. 1: nothing fits. 2: settings, Kafka or job.
    3: it is not known whether there is the job, or what is missing, or a place of the log cannot be
    read: the rest is done. 130: stopped by Ctrl-C.

    Example: orderstream replay --from 30d --force --run --why "new stage names"
    """
    settings = operator_settings(*((Role.JOBS,) if run or resume else ()))
    if resume:
        going_on = resume_in_terminal(settings, resume, JobKind.REPLAY, max_backlog=max_backlog)
        finish_job(run_async(going_on), as_json=as_json)
        return
    if missing and (order or store or status or limit):
        fail("--missing: goes with --topic, --from and --to, not with other choices")
    if since is None and not order and not missing:
        fail("--from: say how far back, or give --order or --missing")
    bounds = window_options(since, until, names=("--from", "--to"))
    wanted = ReplayFilter(
        order=settings.identity.key_of_target(order),
        store=store,
        status=status,
        is_latest_only=latest_only,
        is_forced=force,
        limit=limit,
    )
    chosen = ReplayRange(fact_topic(settings, topic), *bounds, wanted)
    is_all_known = True
    if missing:
        chosen, is_all_known = run_async(of_missing(settings, chosen))
    if run:
        work = _run(settings, chosen, rate=rate, why=why, max_backlog=max_backlog)
        finish_job(run_async(work), as_json=as_json)
        raise typer.Exit(0 if is_all_known else EXIT_UNKNOWN)
    if unmask:
        run_async(record_unmask(settings, "replay"))
    plan, changes = run_async(_preview(settings, chosen))
    if as_json:
        print_json(plan_json(plan, changes, rate, is_masked=not unmask))
    else:
        _print_plan(plan, changes, rate, is_masked=not unmask)
    raise typer.Exit(_dry_exit(plan, is_all_known=is_all_known))


def _dry_exit(plan: ReplayPlan, *, is_all_known: bool) -> int:
    if plan.unread or not is_all_known:
        return EXIT_UNKNOWN
    return 0 if plan.events else EXIT_NO


def fact_topic(settings: KafkaSettings, name: str) -> str:
    """Return the topic a person means: its name, with or without prefix and `magento.`."""
    topics = settings.topics
    bare = name.removeprefix(topics.prefix).removeprefix("magento.")
    found = [topic for topic in topics.facts if topic.endswith(f"magento.{bare}")]
    if not found:
        fail(f"--topic: {name} holds no accepted events: {' or '.join(topics.facts)}")
    return found[0]


def plan_json(
    plan: ReplayPlan, changes: list[EventChange], rate: float, *, is_masked: bool
) -> dict[str, Any]:
    """Return the plan as JSON-ready data."""
    read = {
        "topic": plan.topic,
        "scanned": plan.scanned,
        "matching": plan.matching,
        "orders": plan.orders,
        "events": plan.events,
        "undecodable": plan.undecodable,
        "unread": plan.unread,
        "first_ms": plan.first_ms,
        "last_ms": plan.last_ms,
        "seconds": round(plan.events / rate, 1),
        "samples": [sample.key for sample in plan.samples],
        "changes": [asdict(change) for change in changes],
    }
    masked: dict[str, Any] = mask_record(read) if is_masked else read
    return masked


async def _plan(settings: Settings, reader: RangeReader, chosen: ReplayRange) -> ReplayPlan:
    with progress_bar("reading events") as progress:
        return await plan_replay(settings, reader, chosen, progress=progress)


async def _preview(settings: Settings, chosen: ReplayRange) -> tuple[ReplayPlan, list[EventChange]]:
    from agents.mapping_preview.load import compare_events

    async with PassingReader(settings) as reader:
        plan = await _plan(settings, reader, chosen)
    return plan, await compare_events(settings, plan.samples[:SHOWN_SAMPLES], tell=note)


async def _run(
    settings: Settings, chosen: ReplayRange, *, rate: float, why: str, max_backlog: int
) -> JobReport:
    async with PassingReader(settings) as reader:
        plan = await _plan(settings, reader, chosen)
        if not plan.events:
            told = f"; not read: {plan.unread}" if plan.unread else ""
            fail(f"no event fits{told}", code=EXIT_UNKNOWN if told else EXIT_NO)
        spec = await new_replay(settings, reader, plan, rate=rate, why=why)
    return await run_in_terminal(settings, spec, max_backlog=max_backlog, plan=plan)


def _print_plan(
    plan: ReplayPlan, changes: list[EventChange], rate: float, *, is_masked: bool
) -> None:
    mode = "the newest of each order" if plan.wanted.is_latest_only else "every event"
    if plan.wanted.only:
        mode = "what is missing, and the newest of its orders"
    note(
        f"{plan.scanned:,} events read in {plan.seconds:.1f} s; {plan.matching:,} of "
        f"{plan.orders:,} orders fit, accepted {show_time(plan.first_ms)} to "
        f"{show_time(plan.last_ms)} (UTC)"
    )
    if plan.unread:
        note(f"not read, so not part of it: {plan.unread}")
    if plan.undecodable:
        note(f"{plan.undecodable:,} cannot be decoded and are left out")
    note(
        f"{plan.events:,} events would be published ({mode}), in "
        f"{show_seconds(plan.events / rate)} at {rate:g}/s"
    )
    for change in changes:
        _print_change(change, is_masked=is_masked)
    note("dry run: nothing was published; --run does it")


def _print_change(change: EventChange, *, is_masked: bool) -> None:
    show = mask_text if is_masked else str
    if change.problem:
        note(f"  {show(change.key)}: does not map: {show(change.problem)}")
    elif change.is_superseded:
        note(f"  {show(change.key)}: Salesforce has a newer state; this would be superseded")
        return
    elif change.is_unchanged:
        note(f"  {show(change.key)}: Salesforce has it all; sent only with --force")
    for row in change.rows:
        if row.is_new or row.changes:
            what = "new record" if row.is_new else f"{len(row.changes)} fields change"
            note(f"  {show(change.key)}: {row.sobject} {show(row.external_id)}: {what}")
        for field in row.changes:
            now, then = (
                str(mask_document(value, field.name) if is_masked else value)[:SHOWN_VALUE]
                for value in (field.now, field.then)
            )
            note(f"      {field.name}: {then if row.is_new else f'{now} → {then}'}")
