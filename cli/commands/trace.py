"""`orderstream trace`: one order's life, quick enough for a phone call."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.console.terminal import (
    EXIT_NO,
    EXIT_UNKNOWN,
    fail,
    note,
    operator_settings,
    print_json,
    run_async,
    stderr,
    stdout,
    time_option,
)
from stream.audit.signing_keys import keys_used
from stream.audit.trace import Trace, run_trace
from stream.audit.trace_json import record_link, trace_json
from stream.audit.trace_rows import TraceRow
from stream.config import Settings
from stream.jobs.operator_log import OperatorLog
from stream.ops.masking import mask_text
from stream.times import show_time

SHORT_ID = 8  # the first characters of an event id tell the events of one order apart


def trace(
    target: Annotated[
        str, typer.Argument(help="Order number, Magento entity id, event id or e-mail address.")
    ] = "",
    since: Annotated[
        str | None, typer.Option(help="Look back to this time instead of the order's first write.")
    ] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="Say which secrets signed events, and when last.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the life as JSON.")] = False,
    unmask: Annotated[
        bool, typer.Option(help="Show e-mail addresses in full; recorded in the audit topic.")
    ] = False,
) -> None:
    """Show everything that happened to an order (or customer), in the order it happened.

    Deliveries, attempts, errors, retries, outcomes, Salesforce ids, replays and requeues.
    Exit 0: found. 1: nothing is known of it. 2: settings or Kafka. 3: the same as 1, and a place
    of a log cannot be read.

    Example: orderstream trace 000000123
    """
    since_ms = time_option("--since", since)
    if bool(target) is keys:
        fail("give an order to trace, or --keys")
    settings = operator_settings()
    if keys:
        _trace_keys(settings, since_ms, as_json=as_json)
        return
    if unmask:
        run_async(_record_unmask(settings, target))
    life = run_async(run_trace(settings, target, since_ms=since_ms))
    if as_json:
        print_json(trace_json(life, settings, is_masked=not unmask))
    elif life.rows:
        _print_trace(life, settings, is_masked=not unmask)
    if life.others:
        note(f"{target} may also be {', '.join(life.others)}: say which")
    if life.unread:
        note(f"there may be more that nobody can read: {life.unread}")
    if not life.rows:
        stderr.print(
            f"nothing is known of {target}: try the order number, the event id, or --since 30d",
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(EXIT_UNKNOWN if life.unread else EXIT_NO)


def _trace_keys(settings: Settings, since_ms: int | None, *, as_json: bool) -> None:
    """Print when each key signed last: what a rotation waits for."""
    used = run_async(keys_used(settings, since_ms=since_ms))
    if as_json:
        print_json([asdict(use) for use in used])
        return
    table = Table("sender", "key", "events", "first used (UTC)", "last used (UTC)", box=None)
    for use in used:
        times = show_time(use.first_ms), show_time(use.last_ms)
        table.add_row(use.sender, use.key, f"{use.events:,}", *times)
    stdout.print(table, highlight=False)


def _print_trace(life: Trace, settings: Settings, *, is_masked: bool) -> None:
    show = mask_text if is_masked else str
    head = Text(f"{life.kind.value} {show(life.key)}", style="bold")
    stdout.print(head + Text(f"  {life.deliveries} deliveries", style="not bold"))
    table = Table(box=None, header_style="bold")
    for name in ("time (UTC)", "event", "what, where, detail"):
        table.add_column(name, no_wrap="," not in name)
    for row in life.rows:
        table.add_row(*_cells(row, life.event_id, show, settings.kafka_topic_prefix))
    stdout.print(table, highlight=False)
    for name, record_id in life.salesforce_ids.items():
        stdout.print(f"{name}  {record_id}  {record_link(settings, record_id)}", highlight=False)
    stdout.print(
        f"{life.records_read:,} records read in {life.seconds:.1f} s (partition {life.partition})",
        style="dim",
        highlight=False,
    )


def _cells(row: TraceRow, wanted_event: str, show: Any, prefix: str) -> tuple[RenderableType, ...]:
    what = f"{row.step.value}: {row.outcome}" if row.outcome else row.step.value
    style = {"synced": "green", "dead": "red", "retry": "yellow"}.get(row.outcome, "")
    what += f" (failed {row.attempt}x)" if row.attempt else ""
    place = row.place.removeprefix(prefix)
    mark = "▸" if wanted_event and row.event_id == wanted_event else ""
    place = place.removeprefix("magento.").removeprefix("salesforce.")
    detail = show(_detail(row))
    return (
        show_time(row.at_ms),
        f"{mark}…{row.event_id[-SHORT_ID:]}" if row.event_id else "",
        Text.assemble((what, style), ("  " + place, "dim"), f"\n  {detail}" if detail else ""),
    )


def _detail(row: TraceRow) -> str:
    """Return the row's text with what a person asks for next: sender, key, due time, job."""
    more = row.more
    parts = [row.text]
    if more.get("sender") and row.step.value == "delivered":
        key = more.get("signature_key")
        parts.append(f"{more['sender']}{f', key {key}' if key else ''}")
    if more.get("not_before_ms"):
        parts.append(f"not before {show_time(more['not_before_ms'])}")
    if row.job_id and row.job_id not in row.text:
        parts.append(f"{row.via} job {row.job_id}")
    return "; ".join(part for part in parts if part)


async def _record_unmask(settings: Settings, target: str) -> None:
    async with OperatorLog.connect(settings) as log:
        await log.record("unmask", detail={"command": "trace", "target": mask_text(target)})
