"""What grows and what does not: more workers, longer topics.

    python -m bench.scaling [--seconds 15] [--runs 2] [--json]

A backlog is put into Kafka first, then workers are started and drain it; the rate counts from their
first outcome to the last but one tenth. The simulated org takes 100 ms for a call, so that one
worker is not bound by its CPU alone.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from bench.command import options_of, run
from bench.figures import Section
from bench.filling import fill_orders
from bench.rig import Rig, running_pipe
from bench.usage import Meter
from sandbox.pipeline import worker_name

WORKERS = (1, 2, 4)
BACKLOG = 12_000
SHORT, LONG = 1_000, 100_000
TAIL = 0.1
MOST_GROWTH = 1.15
CALL_MS = 100


async def drain(rig: Rig, events: int) -> float:
    """Return the rate at which the running workers conclude a backlog of so many events."""
    before = await rig.concluded()
    while (first := await rig.concluded() - before) == 0:
        await asyncio.sleep(0.02)
    started = time.monotonic()
    goal = events * (1 - TAIL)
    while (done := await rig.concluded() - before) < goal:
        await asyncio.sleep(0.02)
    rate = (done - first) / (time.monotonic() - started)
    await rig.drained()
    return rate


async def with_workers(count: int) -> tuple[float, float]:
    """Return events per second and CPU microseconds per event of `count` workers."""
    async with running_pipe(workers=0, latency_ms=CALL_MS, env={"WORKER_COUNT": str(count)}) as rig:
        await fill_orders(rig.settings, BACKLOG)
        starting = [rig.pipeline.start_worker(number) for number in range(1, count + 1)]
        draining = asyncio.create_task(drain(rig, BACKLOG))
        await asyncio.gather(*starting)
        rate = await draining
        pids = {
            worker_name(number): rig.processes[worker_name(number)].pid
            for number in range(1, count + 1)
        }
        meter = Meter.start(pids)
        await fill_orders(rig.settings, BACKLOG, first=BACKLOG)
        await rig.drained()
        return rate, 1e6 * sum(meter.cpu_seconds().values()) / BACKLOG


async def cost_behind(events: int) -> float:
    """Return CPU microseconds per event of one worker whose topics hold so many events already.

    What is in the topics is behind the worker's committed position, as in any installation that
    has run for a while; the state of those orders is loaded at the start.
    """
    async with running_pipe(workers=1, latency_ms=CALL_MS) as rig:
        await fill_orders(rig.settings, events)
        await rig.drained(timeout_seconds=600)
        meter = Meter.start({"worker": rig.processes[worker_name(1)].pid})
        await fill_orders(rig.settings, BACKLOG, first=events)
        await rig.drained()
        return 1e6 * meter.cpu_seconds()["worker"] / BACKLOG


async def measure(options: argparse.Namespace) -> Section:
    """Measure workers and topic lengths."""
    section = Section("scaling", "Scaling", TEXT)
    for count in WORKERS:
        found = [await with_workers(count) for _ in range(options.runs)]
        name = "1 worker" if count == 1 else f"{count} workers"
        section.add(f"backlog drained, {name}", "events/s", [rate for rate, _ in found])
        section.add(f"CPU time, {name}", "µs/event", [cost for _, cost in found])
    short = [await cost_behind(SHORT) for _ in range(options.runs)]
    long = [await cost_behind(options.long) for _ in range(options.runs)]
    section.add(f"CPU time, {SHORT:,} events in the topics", "µs/event", short)
    section.add(f"CPU time, {options.long:,} events in the topics", "µs/event", long)
    growth = [b / a for a, b in zip(short, long, strict=True)]
    section.add("growth of the cost", "x", growth, most=MOST_GROWTH)
    return section


TEXT = (
    f"A backlog of {BACKLOG:,} orders, {CALL_MS} ms a call. The workers share two cores with "
    "broker and simulated org, so that beyond two of them there is nothing left to take; what more "
    "workers must not do is cost more per event."
)


def main() -> None:
    parser = options_of(__doc__, seconds=0, runs=2)
    parser.add_argument("--long", type=int, default=LONG, help="events in the long topics")
    run(measure, parser)


if __name__ == "__main__":
    main()
