"""`orderstream audit`: does every accepted event have an outcome?"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli.console.terminal import (
    EXIT_NO,
    EXIT_UNKNOWN,
    fail,
    operator_settings,
    print_json,
    progress_bar,
    run_async,
    stdout,
    window_options,
)
from stream.audit.audit import run_audit
from stream.audit.report import AuditReport
from stream.ops.masking import mask_email
from stream.times import parse_duration_ms, show_seconds, show_time

OUTCOMES = ("accepted", "synced", "unchanged", "superseded", "dead", "pending")


def audit(
    since: Annotated[
        str | None, typer.Option(help="Events accepted since: 2026-11-25T10:00, 15m, '2h ago'.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Events accepted before this time.")] = None,
    grace: Annotated[
        str | None,
        typer.Option(help="Events may lack an outcome this long; default AUDIT_GRACE_SECONDS."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    unmask: Annotated[bool, typer.Option(help="Show e-mail addresses in full.")] = False,
) -> None:
    """Prove from the topics that every accepted event has an outcome.

    Reads magento.* and salesforce.results; needs neither workers nor Salesforce.
    What does not answer (a partition without a leader) or is broken is named, the rest is audited.
    Exit 0: all accounted for. 1: something is missing or overdue. 2: settings or Kafka.
    3: not known: what was read is accounted for, and something could not be read.

    Example: orderstream audit --since 24h
    """
    since_ms, until_ms = window_options(since, until)
    grace_seconds = None
    if grace is not None:
        try:
            grace_seconds = parse_duration_ms(grace) / 1000
        except ValueError as error:
            fail(f"--grace: {error}")
    settings = operator_settings()
    with progress_bar("reading events and outcomes") as progress:
        report = run_async(
            run_audit(settings, since_ms, until_ms, progress, grace_seconds=grace_seconds)
        )
    if as_json:
        print_json(report_json(report, is_masked=not unmask))
    else:
        print_report(report, is_masked=not unmask)
    if not report.is_ok:
        raise typer.Exit(EXIT_NO if report.problems else EXIT_UNKNOWN)


def report_json(report: AuditReport, *, is_masked: bool = True) -> dict[str, Any]:
    """Return the report as JSON-ready data."""
    read = asdict(report)
    if is_masked:
        for event in read["unanswered"]:
            event["key"] = mask_email(event["key"])
    return {
        "ok": report.is_ok,
        "problems": report.problems,
        "ways_out": [replay_command(report, topic) for topic in report.missing],
        "balance": report.total.line,
        "total": asdict(report.total),
        **read,
    }


def print_report(report: AuditReport, *, is_masked: bool) -> None:
    """Print the balance, what is wrong and what is not known."""
    table = Table(box=None, header_style="bold")
    table.add_column("topic")
    for name in OUTCOMES:
        table.add_column(name, justify="right")
    rows = [*sorted(report.topics.items()), ("all", report.total)]
    for topic, balance in rows:
        counts = asdict(balance)
        table.add_row(topic, *(f"{counts[name]:,}" for name in OUTCOMES))
    stdout.print(table)
    stdout.print(report.total.line, highlight=False, soft_wrap=True)
    for note in _notes(report):
        stdout.print(f"  {note}", highlight=False, soft_wrap=True)
    if report.unanswered:
        _print_unanswered(report, is_masked=is_masked)
    for problem in report.problems:
        stdout.print(f"✗ {problem}", style="red", highlight=False)
    for topic in report.missing:
        command = replay_command(report, topic)
        stdout.print(f"→ to have them looked at again: {command}", highlight=False, soft_wrap=True)
    for name, why in report.unread.items():
        stdout.print(f"? {name} was not read in full: {why}", style="yellow", highlight=False)
    if report.unread:
        stdout.print(NOT_KNOWN, style="yellow", highlight=False, soft_wrap=True)
    if report.is_ok:
        stdout.print("✓ every event is accounted for", style="green", highlight=False)


def _notes(report: AuditReport) -> list[str]:
    rate = report.records_read / report.seconds if report.seconds else 0
    total = report.total
    notes = [f"{report.records_read:,} records read in {report.seconds:.1f} s ({rate:,.0f}/s)"]
    if report.since_ms is not None:
        notes.append(f"events accepted since {show_time(report.since_ms)} (UTC)")
    if report.until_ms is not None:
        notes.append(f"events accepted before {show_time(report.until_ms)} (UTC)")
    facts = (
        (total.waiting, "pending: {:,} wait for a retry or an outage to end"),
        (report.unanswered_count, "pending: {:,} have no outcome yet"),
        (report.duplicates, "{:,} outcomes were written again after a redelivery"),
        (report.repeated, "{:,} outcomes come from replays and requeues"),
        (report.not_judged, "{:,} events are older than the results that are kept"),
        (report.moved, MOVED),
        (report.outcomes_of_others, OTHERS),
    )
    notes += [text.format(count) for count, text in facts if count]
    if not report.is_waiting_complete:
        notes.append("too many events wait: only the first of them are checked for being overdue")
    return notes


def replay_command(report: AuditReport, topic: str) -> str:
    """Return the command that has a topic's missing events read again."""
    window = "".join(
        f" {name} {datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()}"
        for name, at_ms in (("--from", report.since_ms), ("--to", report.until_ms))
        if at_ms is not None
    )
    return f'orderstream replay --missing --topic {topic}{window} --run --why "…"'


NOT_KNOWN = (
    "? whether every event is accounted for is not known; the balance is of what was read. Bring "
    "brokers that are away back (`orderstream doctor --live` names them) and audit again"
)
MOVED = (
    "{:,} events are at other offsets than when they were worked on: a topic was made again or "
    "mirrored"
)
OTHERS = (
    "{:,} offsets have outcomes of events that the log does not hold any more: it was cut or made "
    "again; what only the store still has: `orderstream reconcile --from 1d`"
)


def _print_unanswered(report: AuditReport, *, is_masked: bool) -> None:
    table = Table(box=None, header_style="bold", title="events without an outcome")
    for name in ("event id", "key", "where", "age"):
        table.add_column(name, no_wrap=name == "event id")
    for event in report.unanswered:
        table.add_row(
            event.event_id,
            mask_email(event.key) if is_masked else event.key,
            f"{event.topic}/{event.partition}@{event.offset}",
            Text(show_seconds(event.age_seconds), style="red" if event.is_overdue else ""),
        )
    stdout.print(table)
    hidden = report.unanswered_count - len(report.unanswered)
    if hidden > 0:
        stdout.print(f"… and {hidden:,} more", highlight=False)
