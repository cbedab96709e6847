"""`orderstream reset`: have the version of one order or customer forgotten."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import typer

from cli.console.terminal import EXIT_NO, operator_settings, run_async, stderr, stdout
from schemas.email import as_key, in_one_spelling
from schemas.event import Kind
from schemas.identity import folded
from schemas.result import read_result
from stream.config import Role, Settings
from stream.jobs.operator_log import OperatorLog
from stream.jobs.version_reset import publish_reset
from stream.kafka.log.position import Tail
from stream.kafka.log.range_reader import RangeReader

WAIT_SECONDS = 60.0


def reset(
    key: Annotated[str, typer.Argument(help="Order number as `trace` shows it, or an e-mail.")],
    why: Annotated[str, typer.Option(help="Goes on record.")] = "",
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds the worker has to take note.")
    ] = WAIT_SECONDS,
    *,
    is_customer: Annotated[
        bool, typer.Option("--customer", help="KEY is a customer's e-mail, not an order.")
    ] = False,
) -> None:
    """Forget the version of an order or customer, so that its next event is written.

    For a record that refuses every event, because something wrong stands above them: a date of the
    future from an older release, or a person's correction that is to be undone. Nothing is sent
    to Salesforce by this. Follow it with `reconcile --fix` (what the store says now) or `replay`.
    Exit 0: the worker took note. 1: no worker did in time; it will when it runs. 2: Kafka.

    Example: orderstream reset 000000123 --why "date of 2099 from the ERP"
    """
    kind = Kind.CUSTOMER if is_customer else Kind.ORDER
    wanted = key_meant(kind, key)
    if not run_async(_reset(operator_settings(Role.JOBS), kind, wanted, why, timeout)):
        stderr.print("no worker took note in time; it will as soon as one runs")
        raise typer.Exit(EXIT_NO)
    stdout.print("forgotten; next: reconcile --fix, or replay --order with the number")


def key_meant(kind: Kind, text: str) -> str:
    """Return the key of what a person names, by the rule that made it: cases of `ß` differ."""
    return as_key(in_one_spelling(text)) if kind is Kind.CUSTOMER else folded(text.strip())


async def _reset(settings: Settings, kind: Kind, key: str, why: str, timeout: float) -> bool:  # noqa: ASYNC109 - the option's name
    results, tail = [settings.topics.results], Tail()
    async with RangeReader(settings) as reader:
        # Not by time: the worker that answers has another clock.
        tail.note_ends(await reader.spans(results))
        async with OperatorLog.connect(settings) as log:
            event_id = await publish_reset(settings, log, kind=kind, key=key, why=why)
        give_up_at = time.monotonic() + timeout
        while time.monotonic() < give_up_at:
            spans = await reader.spans(results)
            async for batch in reader.read(tail.unread(spans)):
                if any(_is_of(record.value, event_id) for record in batch):
                    return True
            tail.note_ends(spans)
            await asyncio.sleep(0.5)
    return False


def _is_of(value: bytes | None, event_id: str) -> bool:
    try:
        return bool(read_result(value)["event_id"] == event_id)
    except ValueError:
        return False
