"""What `orderstream reconcile` shows: a table for people, JSON for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from cli.console.terminal import note, stdout
from stream.ops.masking import mask_document, mask_record, mask_text

if TYPE_CHECKING:
    from agents.reconcile.findings import Difference, Judged
    from agents.reconcile.missing_events import GapReport
    from agents.reconcile.run import ReconcileReport

SHOWN = 50
SHOWN_VALUE = 40


def report_json(report: ReconcileReport, published: int, *, is_masked: bool) -> dict[str, Any]:
    """Return a comparison as JSON-ready data."""
    read = {
        "from": report.window.since,
        "to": report.window.until,
        "checked": report.checked,
        "is_equal": report.is_equal,
        "found": {finding.value: count for finding, count in sorted(report.found.items())},
        "unknown": report.unknown,
        "published": published,
        "orders": [asdict(item) for item in report.judged],
    }
    return _masked(read) if is_masked else read


def gaps_json(report: GapReport, published: int, *, is_masked: bool) -> dict[str, Any]:
    """Return the gaps as JSON-ready data."""
    read = {
        "from": report.window.since,
        "to": report.window.until,
        "checked": report.checked,
        "missing": len(report.gaps),
        "published": published,
        "gaps": [asdict(gap) for gap in report.gaps],
    }
    return _masked(read) if is_masked else read


def print_report(report: ReconcileReport, published: int, *, is_masked: bool) -> None:
    counted = ", ".join(f"{report.found[f]:,} {f.value}" for f in report.found if report.found[f])
    if report.judged:
        table = _table("finding", "order or customer", "saved (UTC)", "what")
        for item in report.judged[:SHOWN]:
            table.add_row(
                item.finding.value,
                Text(_text(item.key, is_masked=is_masked)),
                item.updated_at or "-",
                Text(_what(item, is_masked=is_masked)),
            )
        stdout.print(table)
        _say_more(len(report.judged))
    stdout.print(f"{report.checked:,} compared: {counted or 'nothing there'}", highlight=False)
    if report.unknown:
        note(f"not known: {'; '.join(report.unknown)}")
    _say_fixed(published, len(report.fixable()))


def print_gaps(report: GapReport, published: int, *, is_masked: bool) -> None:
    if report.gaps:
        table = _table("order or customer", "saved (UTC)", "why")
        for gap in report.gaps[:SHOWN]:
            table.add_row(
                Text(_text(gap.key, is_masked=is_masked)), gap.updated_at, Text(gap.reason)
            )
        stdout.print(table)
        _say_more(len(report.gaps))
    window = f"{report.window.since} to {report.window.until} (UTC)"
    stdout.print(
        f"{report.checked:,} saves {window}: {len(report.gaps):,} without a webhook",
        highlight=False,
    )
    _say_fixed(published, len(report.gaps))


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="bold")
    for name in names:
        table.add_column(name)
    return table


def _say_more(count: int) -> None:
    if count > SHOWN:
        note(f"and {count - SHOWN:,} more; --json lists them all")


def _say_fixed(published: int, fixable: int) -> None:
    if published:
        note(f"published as events: {published:,}; compare again when they are through")
    elif fixable:
        note("--fix publishes them as events")


def _what(item: Judged, *, is_masked: bool) -> str:
    parts = [_difference(one, is_masked=is_masked) for one in item.differences[:3]]
    if len(item.differences) > len(parts):
        parts.append(f"and {len(item.differences) - len(parts)} more")
    if item.reason:
        parts.append(_text(item.reason, is_masked=is_masked))
    return "; ".join(parts)


def _difference(one: Difference, *, is_masked: bool) -> str:
    if not one.field:
        return f"no {one.sobject} {_text(one.external_id, is_masked=is_masked)}"
    now, then = (
        _text(str(value), is_masked=is_masked, name=one.field)[:SHOWN_VALUE]
        for value in (one.salesforce, one.magento)
    )
    return f"{one.sobject}.{one.field}: {now} instead of {then}"


def _text(value: str, *, is_masked: bool, name: str = "") -> str:
    if not is_masked:
        return value
    return str(mask_document(value, name)) if name else mask_text(value)


def _masked(read: dict[str, Any]) -> dict[str, Any]:
    masked: dict[str, Any] = mask_record(read)
    return masked
