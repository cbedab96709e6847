"""`orderstream lag`: are we behind, how far, since when, and does it shrink?"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
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
)
from stream.config import Settings
from stream.errors import StreamError
from stream.lag.evaluator import MIN_WINDOW_MS, GroupLag, PartitionLag
from stream.lag.exporter import export, forget
from stream.lag.sampler import LagSampler
from stream.lag.snapshot import LagSnapshot
from stream.ops.background import set_within
from stream.ops.status_server import status_server
from stream.ops.stop_signals import stop_on_signals
from stream.settings.kafka import KafkaSettings
from stream.times import show_seconds, show_time

STYLES = {
    "OK": "green",
    "WARN": "yellow",
    "UNKNOWN": "magenta",
    "REWIND": "yellow",
    "STALL": "red",
    "STOP": "red",
}
STOP_DEADLINE_SECONDS = 30.0
MOST_SECONDS_PER_SAMPLE = 20.0  # then what is shown is nothing, not the past
SECOND_TRY_SECONDS = 2.0
BAD_STATES = frozenset({"STALL", "STOP", "REWIND"})


def lag(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve /metrics for Prometheus until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve; 0 = any free.")] = 0,
    interval: Annotated[float, typer.Option(min=0.5, help="Seconds between samples.")] = 2.0,
    everything: Annotated[
        bool, typer.Option("--all", help="Show partitions without unread events, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how far workers and relay are behind, from the brokers, never from their own word.

    Per partition: unread events, their age, rates, time to zero, state (OK, WARN, REWIND, STALL,
    STOP), and how long until retention deletes them. Watches for some seconds when events are
    unread, because a state cannot be seen in one look. A partition that does not answer is UNKNOWN
    and is named with the reason; the others are shown.
    Exit 0: fine. 1: a partition is STALL, STOP or REWIND, or events were deleted unread. 2: Kafka.
    3: nothing of that, but something is not known.

    Example: orderstream lag --watch
    """
    if sum((watch, serve, as_json)) > 1:
        fail("--watch, --serve and --json exclude each other")
    settings = operator_settings()
    if serve:
        run_async(_serve(settings, port, interval))
    elif watch:
        run_async(_watch(settings, interval, everything=everything))
    else:
        snapshot = run_async(_look(settings, interval))
        if as_json:
            print_json(snapshot_json(snapshot))
        else:
            stdout.print(view(snapshot, everything=everything))
        if code := exit_code(snapshot):
            raise typer.Exit(code)


def exit_code(snapshot: LagSnapshot) -> int:
    """Return whether somebody must do something, or whether that is not known."""
    if any(part.state.value in BAD_STATES or part.deleted_unread for part in snapshot.partitions):
        return EXIT_NO
    return EXIT_UNKNOWN if snapshot.unknowns else 0


def snapshot_json(snapshot: LagSnapshot) -> dict[str, Any]:
    """Return a snapshot as JSON-ready data; an infinite time is null, and what is not known."""
    groups = [_group_json(group) for group in snapshot.groups]
    partitions = [asdict(part) for part in snapshot.partitions]
    for line in (*groups, *partitions):
        if math.isinf(line["seconds_to_zero"] or 0):
            line["seconds_to_zero"] = None
    return {
        "at_ms": snapshot.at_ms,
        "ok": exit_code(snapshot) == 0,
        "groups": groups,
        "partitions": partitions,
        "retry": [asdict(tier) for tier in snapshot.tiers],
        "dead_letters": asdict(letters) if (letters := snapshot.open_letters) else None,
        "unknown": [asdict(one) for one in snapshot.unknown],
        "problems": list(snapshot.unknowns),
    }


def _group_json(group: GroupLag) -> dict[str, Any]:
    line = asdict(group)
    if group.unknown:
        line |= dict.fromkeys(("lag", "max_lag_seconds", "seconds_to_zero", "skew"))
    return line


def view(snapshot: LagSnapshot, *, everything: bool = False) -> RenderableType:
    groups = Table(box=None, header_style="bold")
    for name in ("group", "state", "unread", "oldest", "in/s", "out/s", "to zero", "skew"):
        groups.add_column(name, justify="left" if name in ("group", "state") else "right")
    for group in snapshot.groups:
        least = "≥ " if group.unknown else ""
        groups.add_row(
            group.group,
            _state(group.state.value),
            f"{least}{group.lag:,}",
            f"{least}{show_seconds(group.max_lag_seconds)}",
            f"{least}{group.rate_in:.1f}",
            f"{least}{group.rate_out:.1f}",
            f"{least}{_to_zero(group.seconds_to_zero)}",
            f"{group.skew:.1f}",
        )
    parts = Table(box=None, header_style="bold")
    names = ("partition", "state", "unread", "oldest", "in/s", "out/s", "to zero", "deleted in")
    for name in names:
        parts.add_column(name, justify="left" if name in ("partition", "state") else "right")
    shown = [part for part in snapshot.partitions if part.lag or everything or part.deleted_unread]
    for part in shown:
        parts.add_row(*_cells(part))
    for one in snapshot.unknown:
        parts.add_row(f"{one.topic}/{one.partition}", _state("UNKNOWN"), *["?"] * (len(names) - 2))
    return Group(groups, *([parts] if parts.row_count else []), *_lines(snapshot))


def _cells(part: PartitionLag) -> tuple[str | Text, ...]:
    return (
        f"{part.topic}/{part.partition}",
        _state(part.state.value),
        f"{part.lag:,}",
        show_seconds(part.lag_seconds),
        f"{part.rate_in:.1f}",
        f"{part.rate_out:.1f}",
        _to_zero(part.seconds_to_zero),
        show_seconds(part.headroom_seconds),
    )


def _lines(snapshot: LagSnapshot) -> list[str]:
    lines = [
        f"{tier.topic}: {tier.due:,} due, {tier.not_due:,} not yet due"
        for tier in snapshot.tiers
        if tier.due or tier.not_due
    ]
    lines += [f"not known: {line}" for line in snapshot.unknowns]
    if snapshot.unknown:
        lines.append("`orderstream doctor --live` names the brokers to bring back")
    letters = snapshot.open_letters
    if letters and letters.count:
        oldest = show_time(letters.oldest_ms)
        lines.append(f"{letters.count:,} open dead letters, the oldest of {oldest} (UTC)")
    for group in snapshot.groups:
        if group.unassigned and group.lag:
            lines.append(f"{group.group}: {group.unassigned} partitions have no consumer")
        if group.beyond_end:
            lines.append(
                f"{group.group}: {group.beyond_end} partitions were read further than their logs "
                "reach: they went back; a running worker reads them again"
            )
        if group.deleted_unread:
            lines.append(f"{group.group}: {group.deleted_unread:,} events were deleted unread")
    return lines


def _state(name: str) -> Text:
    return Text(name, style=STYLES[name])


def _to_zero(seconds: float) -> str:
    return "never" if math.isinf(seconds) else show_seconds(seconds)


async def _look(settings: Settings, interval: float) -> LagSnapshot:
    """Sample until a state can be told: at once when nothing is unread, else for a window."""
    async with LagSampler(settings) as sampler:
        first = snapshot = await sampler.sample()
        if first.is_quiet:
            await asyncio.sleep(min(interval, 1.0))
            return await _once_more(sampler)
        with stderr.status("events are unread: watching for 10 s …"):
            while snapshot.at_ms - first.at_ms < MIN_WINDOW_MS:
                await asyncio.sleep(interval)
                snapshot = await _once_more(sampler)
        return snapshot


async def _once_more(sampler: LagSampler) -> LagSnapshot:
    """Sample again, twice if need be: a session may end between two samples."""
    try:
        return await sampler.sample()
    except StreamError:
        await asyncio.sleep(SECOND_TRY_SECONDS)
        return await sampler.sample()


async def _watch(settings: Settings, interval: float, *, everything: bool) -> None:
    async with LagSampler(settings) as sampler:
        with ExitStack() as stack:
            show: Callable[[RenderableType], None] = stdout.print
            if stdout.is_terminal:  # through a pipe it would show the last look, at an end to come
                live = stack.enter_context(Live(console=stdout, auto_refresh=False))
                show = partial(live.update, refresh=True)
            while not stdout.quiet:
                show(view(await _once_more(sampler), everything=everything))
                await asyncio.sleep(interval)


async def _serve(settings: Settings, port: int, interval: float) -> None:
    problem: list[str] = ["no sample yet"]
    stopping = asyncio.Event()
    stop_on_signals(stopping.set, deadline_seconds=STOP_DEADLINE_SECONDS)
    forget()
    async with LagSampler(settings) as sampler:
        pages = status_server(
            settings.status_host, port, not_ready=lambda: problem[0] if problem else None
        )
        async with pages as url:
            note(f"serving {url}/metrics")
            while not stopping.is_set():
                problem[:] = await _export(settings, sampler, interval)
                await set_within(stopping, interval)


async def _export(settings: KafkaSettings, sampler: LagSampler, interval: float) -> list[str]:
    """Sample and export once; return what is wrong: an exporter outlives its brokers' absence."""
    try:
        async with asyncio.timeout(max(MOST_SECONDS_PER_SAMPLE, interval)):
            snapshot = await sampler.sample()
    except (StreamError, TimeoutError) as error:
        forget()
        return [str(error) or "Kafka did not answer in time"]
    export(snapshot, dead_letter_topic=settings.topics.dead_letters)
    return []
