"""The product's own word, by its own command line: `audit`, `lag`, `dlq`. Never by import."""

from __future__ import annotations

import asyncio
import shlex
import time
from typing import Any

import orjson

from chaos.verdict import Books
from sandbox.pipeline import Pipeline
from sandbox.processes import orderstream

COMMAND_TIMEOUT_SECONDS = 60.0
SETTLE_TIMEOUT_SECONDS = 120.0
PAUSE_SECONDS = 1.0
COUNTED = ("accepted", "synced", "unchanged", "superseded", "dead", "pending")


class ProductError(RuntimeError):
    """A command printed no JSON; the message has what it said instead."""


async def ask(pipeline: Pipeline, *arguments: str) -> Any:
    """Run `orderstream …` with the pipe's settings and return what it prints as JSON."""
    processes = pipeline.processes
    name = f"ask-{arguments[0]}"
    process = processes.spawn(name, *orderstream(*arguments), env=pipeline.env)
    process.is_stopping = True  # it is meant to end
    await process.wait(timeout_seconds=COMMAND_TIMEOUT_SECONDS)
    output = process.output
    start = min((at for at in (output.find("{"), output.find("[")) if at >= 0), default=-1)
    try:
        return orjson.loads(output[start:].strip()) if start >= 0 else None
    except orjson.JSONDecodeError:
        raise ProductError(f"orderstream {' '.join(arguments)}: {output[-2000:]}") from None


async def audit(pipeline: Pipeline) -> Books:
    """Return the books as they are now."""
    report = await _audited(pipeline)
    total = report["total"]
    return Books(
        accepted=total["accepted"],
        dead=total["dead"],
        unaccounted=total["pending"],
        deleted_unread=report["deleted_unread"],
        is_balanced="=" in report["balance"],
        balance=report["balance"],
        counted={name: total[name] for name in COUNTED},
    )


async def _audited(pipeline: Pipeline) -> Any:
    report = await ask(pipeline, "audit", "--json", "--grace", "0s")
    if report is None:
        raise ProductError("orderstream audit printed nothing")
    return report


async def take_ways_out(pipeline: Pipeline) -> int:
    """Type the commands that `audit` names for events in nobody's hands; return how many it had.

    They come once workers have finished and committed all that they hold.
    """
    deadline = time.monotonic() + SETTLE_TIMEOUT_SECONDS
    while True:
        report = await _audited(pipeline)
        held_by_nobody = sum(
            behind - first
            for topic in report["missing"].values()
            for runs in topic.values()
            for first, behind in runs
        )
        if report["total"]["pending"] == held_by_nobody or time.monotonic() > deadline:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    for command in report["ways_out"]:
        _, *words = shlex.split(command.replace("…", "their outcomes were cut"))
        await ask(pipeline, *words, "--json")
    return int(held_by_nobody)


async def settled_books(pipeline: Pipeline) -> Books:
    """Return the books once nothing is pending, or as they are after the timeout."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_SECONDS
    while True:
        books = await audit(pipeline)
        if not books.unaccounted or time.monotonic() > deadline:
            return books
        await asyncio.sleep(PAUSE_SECONDS)
