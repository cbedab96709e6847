"""`orderstream map`: what would be sent for an order, and would the org take it?"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli.console.terminal import (
    EXIT_NO,
    fail,
    now_ms,
    print_json,
    run_async,
    stderr,
    stdout,
    time_option,
)
from schemas.codec import DecodeError, Document
from schemas.event import Envelope, Kind, Origin
from stream.config import Role, load_settings
from stream.errors import MappingError, MappingFileError
from stream.ops.logs import configure_logs
from stream.settings.magento import MagentoSettings

if TYPE_CHECKING:
    from agents.handling.decode import DecodedEvent
    from agents.mapping.apply import Mapped
    from agents.mapping.mapping import Mapping
    from agents.mapping.org_features import OrgFeatures
    from agents.mapping.schema_check import SchemaFinding

MAX_CELL_CHARACTERS = 500


def map_(
    file: Annotated[
        str | None, typer.Argument(help="Webhook body as JSON; `-` reads standard input.")
    ] = None,
    *,
    event: Annotated[str, typer.Option(help="Event name, for a body that has none.")] = "",
    received_at: Annotated[
        str | None, typer.Option(help="When it was received; default now. E.g. 2026-03-14T18:02Z.")
    ] = None,
    mapping_file: Annotated[
        Path | None,
        typer.Option("--mapping", help="Mapping file; default MAPPING_FILE, else the shipped one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Compare the mapping with the org's describe.")
    ] = False,
    describe_dir: Annotated[
        Path | None,
        typer.Option(help="With --check: read <sObject>.json from here instead of the org."),
    ] = None,
    print_default: Annotated[
        bool, typer.Option("--print-default", help="Print the shipped mapping file.")
    ] = False,
    print_person_accounts: Annotated[
        bool,
        typer.Option("--print-person-accounts", help="Print the one for orgs with those."),
    ] = False,
) -> None:
    """Show what would be sent to Salesforce, with every note; nothing is sent.

    Exit 0: fine. 1: it cannot be mapped, or --check found an error. 2: settings, file or usage.

    Example: orderstream map order.json
    """
    from agents.mapping.mapping import DEFAULT_FILE, PERSON_FILE, Mapping, default_text

    if print_default or print_person_accounts:
        sys.stdout.write(default_text(PERSON_FILE if print_person_accounts else DEFAULT_FILE))
        return
    if file is None and not check:
        fail("give a FILE with a webhook body (`-` for standard input), --check or --print-default")
    settings = load_settings()
    mapping = Mapping.load(mapping_file or settings.mapping_file)
    if check:
        from agents.mapping.org_features import OrgFeatures
        from agents.mapping_preview.describe import ask_org, read_describes

        features = OrgFeatures()
        if describe_dir is not None:
            try:
                describes = read_describes(describe_dir, mapping.sobjects)
            except MappingFileError as error:
                fail(str(error))
        else:
            configure_logs(level="error", style="console", process="map")  # stdout: the answer
            role_settings = load_settings(Role.SALESFORCE)
            describes, features = run_async(ask_org(role_settings, mapping.sobjects))
        report(mapping, describes, features, as_json=as_json and file is None)
        mapping = mapping.refined(describes, only_currency=features.only_currency)
    if file is not None:
        received_ms = time_option("--received-at", received_at) or now_ms()
        item, mapped = map_file(mapping, file, event, settings, received_ms)
        if as_json:
            print_json(mapped_json(mapping, item.document, mapped))
        else:
            _print_mapped(mapping, item.document, mapped)


def map_file(
    mapping: Mapping, file: str, event: str, settings: MagentoSettings, received_at_ms: int
) -> tuple[DecodedEvent, Mapped]:
    """Map the body in a file; exits 2 when it cannot be read, 1 when it cannot be mapped."""
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        fail(f"{file}: cannot be read: {error.strerror}")
    try:
        item, mapped = map_body(mapping, raw, event, settings, received_at_ms)
    except (DecodeError, MappingError) as error:
        fail(f"{file}: {error}", code=EXIT_NO)
    if item.document.is_ignored:
        name = item.document.event
        fail(f"{file}: the event `{name}` is ignored, nothing is sent", code=EXIT_NO)
    return item, mapped


def map_body(
    mapping: Mapping, raw: bytes, event: str, settings: MagentoSettings, received_at_ms: int
) -> tuple[DecodedEvent, Mapped]:
    """Return what the worker makes of a body received then: its own code, on the same inputs.

    Raises DecodeError and MappingError.
    """
    from agents.handling.decode import take_in
    from agents.mapping.apply import Mapped

    tolerance = settings.magento_clock_tolerance_seconds
    envelope = Envelope(
        event_id="preview",
        event=event,
        kind=Kind.ORDER,
        key="",
        received_at_ms=received_at_ms,
        value=raw,
        origin=Origin("preview", 0, 0, received_at_ms),
    )
    item = take_in(envelope, identity=settings.identity, tolerance_seconds=tolerance)
    if item.document.is_ignored:
        return item, Mapped(())
    mapped = item.mapped_by(mapping, tolerance)
    return item, replace(mapped, notes=(*item.notes, *mapped.notes))


def mapped_json(mapping: Mapping, document: Document, mapped: Mapped) -> dict[str, Any]:
    """Return everything the mapping made of a document, as JSON-ready data."""
    return {
        "event": document.event,
        "key": document.key,
        "mapping_version": mapping.version,
        "lock_key": mapped.lock_key,
        "records": [mapping.record_of(row) for row in mapped.rows],
        "rows": [
            {
                "sobject": row.sobject,
                "external_id_field": row.external_id_field,
                "external_id": row.external_id,
                "insert_only": sorted(row.insert_fields),
                "version": row.version,
            }
            for row in mapped.rows
        ],
        "notes": list(mapped.notes),
    }


def _print_mapped(mapping: Mapping, document: Document, mapped: Mapped) -> None:
    for row in mapped.rows:
        title = f"{row.sobject}, upserted by {row.external_id_field}"
        table = Table("field", "value", "", title=Text(title), title_justify="left")
        for name, value in mapping.record_of(row).items():
            if name != "sobjectType":
                table.add_row(name, Text(_shown(value)), _remark(row, name))
        stdout.print(table)
    for note in mapped.notes:
        stdout.print(Text(f"note: {note}"))
    if mapped.lines is not None:
        names = ", ".join(product.rows[0].external_id for product in mapped.lines.products)
        stdout.print(Text(f"products made first where they are missing: {names}"))
    if not mapped.rows:
        stdout.print("nothing would be sent")
    stdout.print(
        Text(f"{document.event} {document.key}: {len(mapped.rows)} rows, mapping {mapping.version}")
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} = {key}" for name, key in value.items())
    text = "(emptied)" if value is None else str(value)
    return text if len(text) <= MAX_CELL_CHARACTERS else f"{text[:MAX_CELL_CHARACTERS]}…"


def _remark(row: Any, name: str) -> str:
    if name == row.external_id_field:
        return "external ID"
    return "only if new" if name in row.insert_fields else ""


def report(
    mapping: Mapping,
    describes: dict[str, dict[str, Any]],
    features: OrgFeatures,
    *,
    as_json: bool,
) -> None:
    """Print the findings; exits 1 when one is an error."""
    from agents.mapping.org_features import check_fit
    from agents.mapping.schema_check import Severity

    findings = check_fit(mapping, describes, features)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if as_json:
        print_json(findings)
    else:
        _print_findings(findings)
        names = ", ".join(mapping.sobjects)
        summary = f"checked {names}: {errors} errors, {len(findings) - errors} warnings"
        (stderr if errors else stdout).print(summary, highlight=False)
    if errors:
        raise typer.Exit(EXIT_NO)


def _print_findings(findings: list[SchemaFinding]) -> None:
    if not findings:
        return
    table = Table("", "line", "field", "problem and fix")
    for finding in findings:
        name = f"{finding.sobject}.{finding.field}" if finding.field else finding.sobject
        text = f"{finding.problem}\n→ {finding.fix}"
        table.add_row(finding.severity.value, Text(finding.place), Text(name), Text(text))
    stdout.print(table)
