"""The command line that all benchmarks share: `python -m bench.X [--json] [--seconds …]`."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable

import orjson
import uvloop

from bench.conditions import around, core_speed, load_average
from bench.figures import Section, markdown
from stream.ops.logs import configure_logs

Measure = Callable[[argparse.Namespace], Awaitable[Section]]


def options_of(description: str | None, *, seconds: float, runs: int) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--seconds", type=float, default=seconds, help="length of each measurement")
    parser.add_argument("--runs", type=int, default=runs, help="how often each is repeated")
    return parser


def run(measure: Measure, parser: argparse.ArgumentParser) -> None:
    """Measure and print the section."""
    options = parser.parse_args()
    configure_logs(level="error", style="console", process="bench")
    load, speed = load_average(), core_speed()
    section = uvloop.run(_awaited(measure, options))
    section.conditions |= around(load, speed)
    print(orjson.dumps(section.as_json()).decode() if options.json else markdown(section))


async def _awaited(measure: Measure, options: argparse.Namespace) -> Section:
    return await measure(options)
