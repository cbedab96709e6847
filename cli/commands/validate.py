"""`orderstream validate`: one command that proves the whole way, from a webhook to the record."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli.console.simulators import need_sandbox
from cli.console.terminal import (
    EXIT_INTERRUPTED,
    EXIT_NO,
    fail,
    note,
    operator_settings,
    print_json,
    stdout,
)
from stream.config import Role, Settings, load_settings
from stream.ops.alerts import Alerts

if TYPE_CHECKING:
    from cli.validate.run import Validation, ValidationVerdict

MAX_SHOWN = 60
FIRST = "first order"  # the step whose fitted texts are shown; the others repeat them


def validate(
    webhook_url: Annotated[
        str, typer.Option(help="Your ingress, e.g. https://…/magento/webhook. Without it: sandbox.")
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait", help="Send nothing: wait for your store's next order.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds an event has to reach its outcome.")
    ] = 60.0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the records in Salesforce.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Send orders, follow each to its Salesforce record, and compare the two field by field.

    A first and a second order of a customer, an update, a cancellation, a webhook sent twice, a
    guest and a virtual order. Without --webhook-url everything is started here, as in the demo;
    with it, your settings say which Kafka and which org: use a Salesforce sandbox. The records are
    deleted afterwards, by the ids that were read. Exit 0: all is as it should be. 1: it is not.

    Example: orderstream validate --webhook-url https://hooks.example.com/magento/webhook
    """
    if wait and not webhook_url:
        webhook_url = "-"
    work = (
        _on_your_pipe(webhook_url, wait=wait, patience_seconds=timeout, keep=keep, is_quiet=as_json)
        if webhook_url
        else _on_a_sandbox(patience_seconds=timeout, keep=keep, is_quiet=as_json)
    )
    try:
        report = asyncio.run(work)
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        print_json(report)
    if not report["is_good"]:
        raise typer.Exit(EXIT_NO)


async def _on_a_sandbox(*, patience_seconds: float, keep: bool, is_quiet: bool) -> dict[str, Any]:
    need_sandbox("validate without --webhook-url")
    from cli.validate.sandbox import sandbox_pipe

    async with sandbox_pipe(note) as (settings, url, secret):
        return await validate_pipe(
            settings, url, secret, patience_seconds=patience_seconds, keep=keep, is_quiet=is_quiet
        )


async def _on_your_pipe(
    url: str, *, wait: bool, patience_seconds: float, keep: bool, is_quiet: bool
) -> dict[str, Any]:
    settings = operator_settings()
    load_settings(Role.SALESFORCE)  # says what is missing
    if wait:
        async with _validation(settings, patience_seconds) as run:
            return await _wait(run, is_quiet=is_quiet)
    active = settings.webhook_secrets
    if not active:
        fail("MAGENTO_WEBHOOK_SECRET: missing; validate signs with it")
    return await validate_pipe(
        settings, url, active[0], patience_seconds=patience_seconds, keep=keep, is_quiet=is_quiet
    )


async def validate_pipe(
    settings: Settings,
    url: str,
    secret: str,
    *,
    patience_seconds: float,
    keep: bool = False,
    is_quiet: bool = False,
) -> dict[str, Any]:
    """Tell the story to a running pipe; return the report."""
    async with _validation(settings, patience_seconds) as run:
        return await _story(run, url, secret, keep=keep, is_quiet=is_quiet)


@asynccontextmanager
async def _validation(settings: Settings, patience_seconds: float) -> AsyncIterator[Validation]:
    """Yield a run whose mapping knows the org's own fields."""
    from agents.mapping.mapping import Mapping
    from agents.mapping_preview.describe import describe_org
    from agents.salesforce.api.wiring import build_client
    from agents.worker.org_schema import standard_pricebook
    from cli.validate.run import Validation

    plain = Mapping.load(settings.mapping_file)
    with closing(build_client(settings, alerts=Alerts())) as client:
        pricebook = await standard_pricebook(client, plain)
        describes = await describe_org(settings, plain.sobjects)
        mapping = plain.refined(describes, standard_pricebook=pricebook)
        yield Validation(settings, mapping, client, patience_seconds)


async def _story(
    run: Validation, url: str, secret: str, *, keep: bool, is_quiet: bool
) -> dict[str, Any]:
    from cli.validate.orders import validation_story

    verdicts: list[ValidationVerdict] = []
    left: list[str] = []
    show = (lambda _verdict: None) if is_quiet else _show
    try:
        for step in validation_story(secrets.token_hex(4), datetime.now(UTC)):
            verdicts.append(await run.send(step, url=url, secret=secret))
            show(verdicts[-1])
    finally:
        if not keep:
            left = await run.clean_up()
    return _report(run, verdicts, left, is_kept=keep, is_quiet=is_quiet)


async def _wait(run: Validation, *, is_quiet: bool) -> dict[str, Any]:
    from cli.validate.wait import judge_next_order

    note("waiting for the next order of your store; nothing is sent, nothing is deleted")
    verdict = await judge_next_order(run)
    if not is_quiet:
        _show(verdict)
    return _report(run, [verdict], [], is_kept=True, is_quiet=is_quiet)


def _report(
    run: Validation,
    verdicts: Sequence[ValidationVerdict],
    left: list[str],
    *,
    is_kept: bool,
    is_quiet: bool,
) -> dict[str, Any]:
    is_good = all(verdict.is_good for verdict in verdicts)
    removed = 0 if is_kept else len(run.made) - len(left)
    if not is_quiet:
        good = sum(verdict.is_good for verdict in verdicts)
        fields = sum(verdict.compared for verdict in verdicts)
        stdout.print(f"\n{good} of {len(verdicts)} steps good, {fields} fields compared")
        stdout.print(f"{removed} records deleted" if not is_kept else "records kept")
        for line in left:
            note(f"not deleted (it needs the right to delete): {line}")
    return {
        "is_good": is_good,
        "mapping_version": run.mapping.version,
        "steps": [{**asdict(verdict), "is_good": verdict.is_good} for verdict in verdicts],
        "records": list(run.made),
        "deleted": removed,
        "not_deleted": left,
    }


def _show(verdict: ValidationVerdict) -> None:
    mark = "✓" if verdict.is_good else "✗"
    stdout.print(
        f"{mark} {verdict.name:<30} {verdict.outcome or '-':<10} {verdict.compared:>3} fields"
        f"  {verdict.seconds:5.1f} s  "
        + ", ".join(f"{name} {value}" for name, value in verdict.records.items()),
        highlight=False,
        soft_wrap=True,
    )
    for text in verdict.fitted if verdict.name == FIRST else ():
        stdout.print(Text(f"    fitted: {text}", style="dim"))
    if verdict.problem:
        stdout.print(Text(f"    {verdict.problem}", style="red"))
    for difference in verdict.differences:
        expected, found = _short(difference.expected), _short(difference.found)
        where = f"{difference.sobject}.{difference.field}"
        stdout.print(Text(f"    {where}: expected {expected}, found {found}", style="red"))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}… ({len(text)} characters)"
