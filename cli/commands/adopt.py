"""`orderstream adopt`: who was in the org before gets orderstream's key, once and for all."""

from __future__ import annotations

import csv
import os
from contextlib import closing
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from cli.console.terminal import EXIT_NO, fail, print_json, run_async, stderr, stdout
from schemas.identity import CustomerKey
from stream.config import Role, Settings, load_settings
from stream.ops.alerts import Alerts

if TYPE_CHECKING:
    from agents.reconcile.adopt import AdoptionPlan
    from agents.salesforce.api.record_updates import KeyUpdate

OWNER_ONLY = 0o600  # the file holds e-mail addresses


def adopt(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Every record with what is done to it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Give records that were in the org before the key by which orders find them.

    By the mapping's `adopt:` rules: a Contact with an e-mail and without key gets it, and with it
    its Account. Read docs/onboarding.md first. May be repeated; workers may run meanwhile.

    Exit 0: done; 1: a record was refused; 2: settings, mapping, or no answer.

    Example: orderstream adopt --dry-run --csv adopt.csv
    """
    from agents.delivery.adoption import adoption_rules
    from agents.mapping.mapping import Mapping

    settings = load_settings(Role.SALESFORCE)
    if settings.magento_customer_key is CustomerKey.WEBSITE:
        fail(
            "with MAGENTO_CUSTOMER_KEY=website a key names the customer's website, which no record "
            "says: nothing is written; workers adopt each customer at the first event"
        )
    mapping = Mapping.load(settings.mapping_file)
    if not adoption_rules(mapping):
        fail("the mapping has no `adopt:` rule, nothing would be adopted")
    plan, refused = run_async(adopt_by(settings, mapping, csv_file, is_dry=dry_run))
    counts = plan.counts
    answer = {
        "records": plan.records,
        "with_key": plan.keyed,
        **counts,
        "updates": len(plan.updates),
        "refused": len(refused),
        "dry_run": dry_run,
    }
    if as_json:
        print_json(answer)
    else:
        _print(plan, is_dry=dry_run)
        for update, code in refused[:20]:
            stderr.print(f"{update.sobject} {update.id}: refused, {code}")
    if refused:
        raise typer.Exit(EXIT_NO)


async def adopt_by(
    settings: Settings, mapping: Any, csv_file: Path | None, *, is_dry: bool
) -> tuple[AdoptionPlan, list[tuple[KeyUpdate, str]]]:
    from agents.reconcile.adopt import adopt as give
    from agents.reconcile.adopt import survey
    from agents.salesforce.api.wiring import build_client

    def tell(done: int) -> None:
        stderr.print(f"{done} of {len(plan.updates)} records have their key")

    with closing(build_client(settings, alerts=Alerts())) as client:
        plan = await survey(client, mapping)
        if csv_file is not None:
            _write(csv_file, plan)
        return plan, [] if is_dry else await give(client, plan.updates, tell=tell)


def _write(path: Path, plan: AdoptionPlan) -> None:
    from agents.reconcile.adopt import AdoptionEntry

    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([item.name for item in fields(AdoptionEntry)])
        writer.writerows(astuple(entry) for entry in plan.entries)


def _print(plan: AdoptionPlan, *, is_dry: bool) -> None:
    table = Table("", "records")
    table.add_row("looked at", str(plan.records))
    table.add_row("have a key", str(plan.keyed))
    for action, count in sorted(plan.counts.items()):
        table.add_row(action, str(count))
    stdout.print(table)
    what = "would get" if is_dry else "were sent"
    stdout.print(f"{len(plan.updates)} records {what} their key")
