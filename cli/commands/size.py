"""`orderstream size`: how many workers, slots, partitions and calls a load needs."""

from __future__ import annotations

from dataclasses import asdict
from math import isinf
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console.terminal import EXIT_NO, print_json, stderr, stdout

if TYPE_CHECKING:
    from agents.pacing.sizing import Sizing


def size(
    orders_per_hour: Annotated[float, typer.Argument(min=1, help="Saves an hour, at the peak.")],
    *,
    orders_per_day: Annotated[
        float | None,
        typer.Option("--per-day", min=1, help="Saves a day; else ten hours of the peak."),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, max=200, help="Rows an order has.")] = 3,
    call_ms: Annotated[float, typer.Option(min=1, help="What a call of one row takes.")] = 80,
    row_ms: Annotated[float, typer.Option(min=0, help="What each further row adds.")] = 12,
    daily_calls: Annotated[
        float, typer.Option(min=1, help="API calls a day that the org leaves to orderstream.")
    ] = 100_000,
    slots: Annotated[int, typer.Option(min=1, max=200, help="Calls side by side.")] = 5,
    cpu_us: Annotated[
        float, typer.Option(min=1, help="CPU of a worker per order, in microseconds.")
    ] = 500,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Calculate an installation from a load, and say what latency to expect.

    Latency is a range: from what nobody can beat with these slots and calls, to what
    `python -m bench.org_latency` holds orderstream to. Metrics and dashboard show what your org
    takes per call and row.
    Exit 0: it fits. 1: it does not, and what would help is on stderr.

    Example: orderstream size 20000 --per-day 120000 --row-ms 12 --daily-calls 150000
    """
    from agents.pacing.sizing import Load, sizing_of

    if orders_per_day is not None and orders_per_day > 24 * orders_per_hour:
        raise typer.BadParameter(
            "more than 24 hours of the peak: raise ORDERS_PER_HOUR", param_hint="--per-day"
        )

    found = sizing_of(
        Load(
            orders_per_hour=orders_per_hour,
            orders_per_day=max(orders_per_day or 10 * orders_per_hour, orders_per_hour),
            rows_per_order=rows,
            call_seconds=call_ms / 1000,
            row_seconds=row_ms / 1000,
            daily_calls=daily_calls,
            slots=slots,
            cpu_seconds_per_order=cpu_us / 1_000_000,
        )
    )
    if as_json:
        values = asdict(found).items()
        print_json({k: None if isinstance(v, float) and isinf(v) else v for k, v in values})
    else:
        _show(found)
    for hint in found.hints:
        stderr.print(hint)
    if found.hints:
        raise typer.Exit(EXIT_NO)


def _show(found: Sizing) -> None:
    stdout.print(f"workers                {found.workers}")
    stdout.print(f"KAFKA_PARTITIONS       {found.partitions}")
    stdout.print(f"slots                  {found.slots}")
    stdout.print(f"calls a second         {found.calls_per_second:.2f}")
    stdout.print(f"orders a call          {found.orders_per_call:.1f}")
    for name, least, most in (
        ("p50", found.p50_from, found.p50_to),
        ("p99", found.p99_from, found.p99_to),
    ):
        text = "without end" if isinf(least) else f"{least:.2f} to {most:.2f} s"
        stdout.print(f"{name:<22} {text}")
