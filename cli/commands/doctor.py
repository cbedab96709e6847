"""`orderstream doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.console.terminal import note, print_json, run_async, stderr, stdout
from stream.config import Role
from stream.ops.logs import configure_logs

if TYPE_CHECKING:
    from agents.doctor.check import Check

ROLES = {role.value: role for role in (Role.INGRESS, Role.WORKER, Role.RELAY, Role.DASHBOARD)}
USUAL = [Role.INGRESS.value, Role.WORKER.value, Role.RELAY.value]
STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "skipped": "dim"}


def doctor(
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Also ask Kafka, Salesforce and the store: reads only.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    process: Annotated[
        list[str] | None,
        typer.Option("--for", help="Which process runs here: ingress, worker, relay, dashboard."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show what is fine, too.")] = False,
) -> None:
    """Examine settings, files and versions; with --live also Kafka, Salesforce and the store.

    Prints check, result and fix. It changes nothing, and no secret is printed.
    Exit 0: fine; 1: warnings; 2: something does not work, or would lose data.

    Example: orderstream doctor --live
    """
    names = process or USUAL
    unknown = [name for name in names if name not in ROLES]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]}; known are {', '.join(ROLES)}", param_hint="--for")
    checks = run_async(_examine([ROLES[name] for name in names], is_live=live))
    from agents.doctor.check import exit_code

    code = exit_code(checks)
    if as_json:
        print_json({"exit_code": code, "checks": [check.as_dict() for check in checks]})
    else:
        _show(checks, everything=everything)
    raise typer.Exit(code)


async def _examine(roles: list[Role], *, is_live: bool) -> list[Check]:
    from agents.doctor.examine import examine, settings_in_force

    configure_logs(level="critical", style="console", process="doctor")  # the report says it all
    env_file = Path(".env")
    settings, problems = settings_in_force(roles, env_file=env_file)
    checks: list[Check] = []
    with stderr.status("examining …"):
        async for area in examine(
            settings, problems, roles=roles, env_file=env_file, is_live=is_live
        ):
            checks += area
            await asyncio.sleep(0)
    return checks


def _show(checks: list[Check], *, everything: bool) -> None:
    table = Table(box=None, header_style="bold")
    table.add_column("check", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("what", overflow="fold", ratio=3)
    table.add_column("fix", overflow="fold", ratio=2)
    for check in checks:
        if everything or check.result != "ok":
            result = Text(check.result.value, style=STYLES[check.result.value])
            table.add_row(Text(check.name), result, Text(check.detail), Text(check.fix))
    if table.row_count:
        stdout.print(table)
    counts = Counter(check.result.value for check in checks)
    note(", ".join(f"{counts[name]} {name}" for name in STYLES if counts[name]))
