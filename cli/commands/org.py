"""`orderstream org plan|apply`: make the org's fields, rules and rights what the mapping needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from cli.console.terminal import EXIT_NO, fail, print_json, run_async, stderr, stdout
from schemas.metadata_package import Component, PermissionSet, read_package
from stream.config import Role, Settings, load_settings
from stream.ops.alerts import Alerts

if TYPE_CHECKING:
    from agents.reconcile.org_package import ComponentPlan
    from agents.salesforce.api.client import OrgClient
    from agents.salesforce.api.deploy import DeployResult

app = typer.Typer(
    name="org",
    help="Compare or deploy the Salesforce metadata package. Exit 0: fine; 1: a person must decide "
    "something, or the deployment failed; 2: settings are wrong or Salesforce is away.",
    no_args_is_help=True,
    add_completion=False,
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Package = Annotated[
    Path | None, typer.Option("--package", help="Folder of the package; default the shipped one.")
]


@app.command()
def plan(*, package: Package = None, as_json: AsJson = False) -> None:
    """Show what `apply` would do: create, change, ok, and what needs a person.

    Line items come along when the mapping has them on.

    Example: orderstream org plan
    """
    settings, components = package_of(package)
    _finish(run_async(plan_package(settings, components)), [], as_json=as_json, word="")


@app.command()
def apply(
    *,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Let Salesforce validate it, write nothing.")
    ] = False,
    package: Package = None,
    as_json: AsJson = False,
) -> None:
    """Deploy what is missing and assign the permission set to the user that is logged in.

    Through the Metadata API, all or nothing; may be repeated, deletes nothing. The user needs
    "Modify Metadata Through Metadata API Functions" and "Assign Permission Sets" for it.

    Example: orderstream org apply --check-only
    """
    settings, components = package_of(package)
    plans, assigned = run_async(apply_package(settings, components, is_check_only=check_only))
    _finish(plans, assigned, as_json=as_json, word="checked" if check_only else "deployed")


def package_of(
    package: Path | None, settings: Settings | None = None
) -> tuple[Settings, list[Component]]:
    """Return the settings and what the mapping needs of the package."""
    from agents.mapping.mapping import Mapping

    settings = settings or load_settings(Role.SALESFORCE)
    use = Mapping.load(settings.mapping_file).rulebook.lines.use
    folders = ["force-app", *(["line-items"] if use else [])]
    folders += ["order-items"] if use == "order" else []
    try:
        return settings, read_package(*folders, root=package)
    except FileNotFoundError as error:
        fail(f"{error}; name the folder with --package")


@asynccontextmanager
async def _org(settings: Settings) -> AsyncIterator[tuple[OrgClient, str]]:
    """Yield the client and the id of the user that is logged in."""
    from agents.salesforce.api.wiring import build_client

    with closing(build_client(settings, alerts=Alerts())) as client:
        user_id = (await client.token()).identity_url.rstrip("/").rsplit("/", 1)[-1]
        yield client, user_id


async def plan_package(settings: Settings, components: Sequence[Component]) -> list[ComponentPlan]:
    from agents.reconcile.org_package import plan as plan_of
    from agents.reconcile.org_package import read_org

    async with _org(settings) as (client, user_id):
        return plan_of(components, await read_org(client, components, user_id))


async def apply_package(
    settings: Settings, components: Sequence[Component], *, is_check_only: bool
) -> tuple[list[ComponentPlan], list[str]]:
    from agents.reconcile.org_package import ComponentAction, assign, read_org
    from agents.reconcile.org_package import plan as plan_of
    from agents.salesforce.api.deploy import failed, package_zip

    async with _org(settings) as (client, user_id):
        plans = plan_of(components, await read_org(client, components, user_id))
        if any(item.action is ComponentAction.BLOCKED for item in plans):
            return plans, []
        archive = package_zip(components, settings.salesforce_api_version)
        result = await client.deployer.deploy(archive, is_check_only=is_check_only, tell=_tell)
        if not result.is_success:
            raise failed(result)
        names = [c.what.name for c in components if isinstance(c.what, PermissionSet)]
        assigned = [] if is_check_only else await assign(client, names, user_id)
        return plans, assigned


def _tell(result: DeployResult) -> None:
    stderr.print(f"{result.id} {result.status}: {result.deployed} of {result.total} components")


def _finish(plans: list[ComponentPlan], assigned: list[str], *, as_json: bool, word: str) -> None:
    from agents.reconcile.org_package import ComponentAction

    is_blocked = any(item.action is ComponentAction.BLOCKED for item in plans)
    answer: dict[str, Any] = {
        "done": "" if is_blocked else word,
        "components": [asdict(item) for item in plans],
        "assigned": assigned,
    }
    if as_json:
        print_json(answer)
    else:
        _print(plans, assigned, word="" if is_blocked else word)
    if is_blocked:
        raise typer.Exit(EXIT_NO)


def _print(plans: list[ComponentPlan], assigned: list[str], *, word: str) -> None:
    table = Table("component", "name", "action", "detail", box=None)
    for item in plans:
        table.add_row(item.kind, item.name, item.action.value, item.detail)
    stdout.print(table)
    if word:
        stdout.print(f"{word}: {len(plans)} components")
    for name in assigned:
        stdout.print(f"permission set {name}: assigned")
