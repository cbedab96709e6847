"""What a replay costs those who are live: latency of live orders with and without one beside them.

    python -m bench.replay_beside_live [--seconds 8] [--runs 2] [--json]

The topics hold some thousand old orders. Live orders arrive at a constant rate, in turn without and
with `orderstream replay --all --force --run` beside them, which sends old orders again as fast as
its rate allows. Latency counts from the moment a live order was due to the org's write of it.
"""

from __future__ import annotations

import argparse
import time

from bench.command import options_of, run
from bench.end_to_end import Loads, latency
from bench.figures import Section
from bench.rig import Rig, running_pipe
from sandbox.process import Process
from sandbox.processes import orderstream

OLD_ORDERS_PER_SECOND, OLD_SECONDS = 300, 15.0
LIVE_PER_SECOND = 50
REPLAYED_PER_SECOND = 100
STOP_SECONDS = 15.0
TEXT = (
    f"{LIVE_PER_SECOND} live orders a second, without and with a forced replay of every old event "
    f"at up to {REPLAYED_PER_SECOND} a second beside them; 100 ms a Salesforce call, one worker."
)


def start_replay(rig: Rig, number: int) -> Process:
    """Start a replay of everything as a user would."""
    command = orderstream(
        *("replay", "--from", "1d", "--all", "--force", "--run", "--json"),
        *("--rate", str(REPLAYED_PER_SECOND)),
    )
    process = rig.processes.spawn(f"replay-{number}", *command, env=rig.pipeline.env)
    process.is_stopping = True  # it is stopped when the live orders are through
    return process


async def measure(options: argparse.Namespace) -> Section:
    """Measure in turn: alone, beside a replay, alone, …"""
    section = Section("replay_beside_live", "Replay beside live traffic", TEXT)
    alone: list[dict[str, float]] = []
    beside: list[dict[str, float]] = []
    replayed: list[float] = []
    async with running_pipe() as rig:
        loads = Loads()
        old = ("--rate", str(OLD_ORDERS_PER_SECOND), "--first", loads.next())
        await rig.load(*old, seconds=OLD_SECONDS)
        await rig.drained()
        for number in range(options.runs):
            alone.append(await latency(rig, loads, LIVE_PER_SECOND, options.seconds))
            due, started = await rig.count(rig.settings.topics.due), time.monotonic()
            process = start_replay(rig, number)
            others = {"beside_per_second": REPLAYED_PER_SECOND}
            beside.append(await latency(rig, loads, LIVE_PER_SECOND, options.seconds, **others))
            copied = await rig.count(rig.settings.topics.due) - due
            replayed.append(copied / (time.monotonic() - started))
            await process.stop(timeout_seconds=STOP_SECONDS)
    for name in ("p50", "p99"):
        key = f"{name}_ms"
        section.add(f"live alone, {name}", "ms", [figures[key] for figures in alone])
        section.add(f"beside a replay, {name}", "ms", [figures[key] for figures in beside])
    section.add("replayed beside it", "events/s", replayed)
    return section


if __name__ == "__main__":
    run(measure, options_of(__doc__, seconds=8.0, runs=2))
