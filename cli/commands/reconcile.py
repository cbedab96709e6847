"""`orderstream reconcile`: do Magento and Salesforce agree? And were all webhooks sent?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.reconcile_view import gaps_json, print_gaps, print_report, report_json
from cli.console.dead_letter_options import record_unmask
from cli.console.job_options import WhyOption
from cli.console.terminal import (
    EXIT_NO,
    EXIT_UNKNOWN,
    fail,
    in_order,
    note,
    now_ms,
    operator_settings,
    print_json,
    progress_bar,
    run_async,
    time_option,
)
from schemas.event import Kind, new_event_id
from stream.backfill.corrections import publish_fixes
from stream.backfill.plan import BackfillPlan, plan_backfill
from stream.config import Role, Settings
from stream.jobs.operator_log import OperatorLog
from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import RangeReader
from stream.magento.client import MagentoRest, open_magento
from stream.magento.paging import Window, new_window
from stream.magento.times import magento_time
from stream.ops.alerts import Alerts
from stream.times import parse_duration_ms

if TYPE_CHECKING:
    from agents.mapping.mapping import Mapping
    from agents.reconcile.missing_events import GapReport
    from agents.reconcile.run import ReconcileReport
    from agents.salesforce.api.client import OrgClient
    from agents.salesforce.api.soql import QueryRoom

JOB = "reconcile"


@dataclass(frozen=True, slots=True)
class Task:
    """What to compare, and whether to repair it."""

    kinds: tuple[Kind, ...]
    window: Window
    is_fix: bool
    why: str


def reconcile(
    *,
    since: Annotated[
        str | None, typer.Option("--from", help="Saved in Magento since: 2026-01-01, 1d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Saved until; default two minutes ago.")
    ] = None,
    last: Annotated[
        str, typer.Option(help="Only look for webhooks never sent, this far back: 15m.")
    ] = "",
    grace: Annotated[str, typer.Option(help="How late a webhook may be, with --last.")] = "2m",
    store: Annotated[str, typer.Option(help="Only this Magento store id.")] = "",
    customers: Annotated[bool, typer.Option(help="Compare customers too.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Publish what is missing or different as events.")
    ] = False,
    why: WhyOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    unmask: Annotated[bool, typer.Option(help="Show personal data; on record.")] = False,
) -> None:
    """Compare Magento with Salesforce, order by order and field by field, and with our results.

    With --last it is light enough for every few minutes: it finds saves of which no webhook came,
    asks Salesforce nothing, and raises the alert webhooks_missing.
    Exit 0: equal. 1: differences (also when --fix published them). 2: could not compare.
    3: equal, but the org's Recycle Bin could not be asked for merges.

    Example: orderstream reconcile --from 7d --fix --why "after the outage"
    """
    more = ((Role.JOBS,) if fix else ()) + (() if last else (Role.SALESFORCE,))
    settings = operator_settings(Role.MAGENTO, *more)
    kinds = (Kind.ORDER, Kind.CUSTOMER) if customers else (Kind.ORDER,)
    bounds = _bounds(since, until, last, grace)
    task = Task(kinds, new_window(*bounds, store), fix, why)
    if unmask:
        run_async(record_unmask(settings, "reconcile"))
    if last:
        gaps, published = run_async(_gaps(settings, task))
        if as_json:
            print_json(gaps_json(gaps, published, is_masked=not unmask))
        else:
            print_gaps(gaps, published, is_masked=not unmask)
        raise typer.Exit(EXIT_NO if gaps.gaps else 0)
    report, published = run_async(_compare(settings, task))
    if as_json:
        print_json(report_json(report, published, is_masked=not unmask))
    else:
        print_report(report, published, is_masked=not unmask)
    raise typer.Exit(exit_code(report))


def exit_code(report: ReconcileReport) -> int:
    """Return 0 for equal, 1 for not equal, 3 when what is known is equal and something is not."""
    if not report.is_equal:
        return EXIT_NO
    return EXIT_UNKNOWN if report.unknown else 0


def _bounds(since: str | None, until: str | None, last: str, grace: str) -> tuple[int, int]:
    """Return the window in unix milliseconds; exit 2 for what is no time."""
    now = now_ms()
    try:
        grace_ms = parse_duration_ms(grace)
        if last:
            if since or until:
                fail("--last stands for --from and --to: give one or the other")
            return now - parse_duration_ms(last) - grace_ms, now - grace_ms
    except ValueError as error:
        fail(f"--last or --grace: {error}")
    since_ms = time_option("--from", since)
    if since_ms is None:
        fail("--from: say how far back, for example 7d, or give --last 15m")
    until_ms = time_option("--to", until)
    return in_order(since_ms, now - grace_ms if until_ms is None else until_ms)


@asynccontextmanager
async def _sources(settings: Settings) -> AsyncIterator[tuple[MagentoRest, RangeReader]]:
    async with open_magento(settings) as magento, PassingReader(settings) as reader:
        yield magento, reader
        if broken := reader.broken.told():
            note(f"our topics were not read in full, what the store has was: {name_silent(broken)}")


async def _gaps(settings: Settings, task: Task) -> tuple[GapReport, int]:
    from agents.mapping.mapping import Mapping
    from agents.reconcile.gap_alert import tell_gaps
    from agents.reconcile.missing_events import find_gaps

    async with _sources(settings) as (magento, reader):
        report = await find_gaps(
            settings,
            magento,
            reader,
            Mapping.load(settings.mapping_file),
            kinds=task.kinds,
            window=task.window,
            began=magento_time(now_ms()),
        )
        named = ", ".join(gap.key for gap in report.gaps[:5])
        found = f"{len(report.gaps):,} of {report.checked:,} saves have no webhook: {named}"
        await tell_gaps(settings, reader, found if report.gaps else "")
        ids = {kind: [g.entity_id for g in report.gaps if g.kind is kind] for kind in task.kinds}
        return report, await _fix(settings, task, magento, ids)


async def _compare(settings: Settings, task: Task) -> tuple[ReconcileReport, int]:
    from agents.reconcile.merged import find_merges, tell_merges
    from agents.reconcile.patient_query import PatientQuery
    from agents.reconcile.run import Reconciler
    from agents.salesforce.api.soql import BULK_ROOM, REST_ROOM

    async with _sources(settings) as (magento, reader), _org(settings) as (org, mapping, guarded):
        began = magento_time(now_ms())
        plan = await plan_backfill(settings, magento, task.kinds, task.window, now_ms=now_ms())
        threshold = settings.salesforce_bulk_threshold_events
        is_bulk = bool(threshold) and plan.events >= threshold
        room = BULK_ROOM if is_bulk else REST_ROOM
        _state_cost(plan, room)
        with progress_bar("comparing") as progress:
            reconciler = Reconciler(
                settings,
                magento,
                PatientQuery(org.bulk_query if is_bulk else org),
                reader,
                mapping,
                stale_guard=guarded,
                room=room,
                progress=progress,
            )
            report = await reconciler.run(task.kinds, task.window, began=began, total=plan.events)
            tell_merges(report, await find_merges(org, mapping, report.unknown.append))
        wanted = report.fixable()
        ids = {kind: [j.entity_id for j in wanted if j.kind is kind] for kind in task.kinds}
        return report, await _fix(settings, task, magento, ids)


@asynccontextmanager
async def _org(
    settings: Settings,
) -> AsyncIterator[tuple[OrgClient, Mapping, frozenset[str]]]:
    """Open the org with the mapping refined by its own fields, as workers do."""
    from agents.mapping.mapping import Mapping
    from agents.salesforce.api.wiring import build_client

    mapping = Mapping.load(settings.mapping_file)
    with closing(build_client(settings, alerts=Alerts())) as client:
        describes = {name: await client.describe(name) for name in mapping.sobjects}
        yield client, mapping.refined(describes), client.guard_from(describes)


def _state_cost(plan: BackfillPlan, room: QueryRoom) -> None:
    """Say what the comparison costs before it starts."""
    from agents.reconcile.run import salesforce_calls

    counted = " and ".join(f"{count:,} {kind.value}s" for kind, count in plan.counts.items())
    note(
        f"{counted} saved {plan.window.since} to {plan.window.until} (UTC): about "
        f"{plan.magento_calls:,} calls to Magento and {salesforce_calls(plan.counts, room):,} to "
        "Salesforce"
    )


async def _fix(
    settings: Settings, task: Task, magento: MagentoRest, ids: dict[Kind, list[int]]
) -> int:
    if not task.is_fix or not any(ids.values()):
        return 0
    job_id = f"{JOB}-{new_event_id(now_ms())[:18]}"
    async with OperatorLog.connect(settings) as log:
        return await publish_fixes(
            settings,
            magento,
            log,
            ids,
            job_id=job_id,
            why=task.why,
        )
