"""`python -m chaos.soak --minutes 60 --seed 7 [--brokers 3]`: a fault every 30 s, flat memory.

The load is a third of what the benchmarks say a machine sustains (docs/benchmarks.json), or
`--rate`. The seed decides which fault comes when, and is printed: the same seed is the same story.
Judged like every scenario, and by the memory and open files of the product's processes.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import uvloop

from chaos.card import Card
from chaos.perform import perform
from chaos.report import summary_line, write_reports
from chaos.scenario import Scenario
from chaos.scenarios.changed_topics import reassign
from chaos.scenarios.three_brokers import (
    controller,
    down_and_up,
    group_coordinator,
    leader,
    part_the_brokers,
    restart_all,
    two_down,
)
from chaos.stage import Stage
from chaos.three import BROKERS, Act
from chaos.vitals import Vitals
from sandbox.broker.node import Node
from sandbox.pipeline import INGRESS, RELAY

WORK_DIRECTORY = Path(".orderstream") / "chaos"
BENCHMARKS = Path("docs/benchmarks.json")
REPORTS = (Path("docs/soak.md"), Path("docs/soak.json"))
HEAD = """# Soaks

Made by `python -m chaos.soak --minutes 60 --seed 7`; do not edit. A fault every 30 s, chosen by the
seed, under a steady load; judged from outside as every scenario of the [report card](chaos.md), and
by the memory and open files of the product's processes, which have to be flat.
"""
SUSTAINED = "sustained for 10 min"
SHARE = 3
LEAST_RATE = 60.0  # webhooks a second, where no rate was found to be sustained
DOWN_SECONDS = 3.0
FROZEN_SECONDS = 12.0
STORM_SECONDS = 10.0
STORMS: dict[str, dict[str, Any]] = {
    "503": {"kind": "unavailable"},
    "429": {"kind": "rate_limited", "headers": {"Retry-After": "2"}, "probability": 0.8},
    "cut after the write": {
        "kind": "cut_after",
        "probability": 0.3,
        "match": {"path": "composite"},
    },
    "slow calls": {"kind": "latency", "latency_ms": 5000, "match": {"path": "composite"}},
    "rows locked": {
        "kind": "row_error",
        "sobject": "Opportunity",
        "code": "UNABLE_TO_LOCK_ROW",
        "message": "unable to obtain exclusive access to this record",
        "probability": 0.2,
    },
}
Fault = Callable[[Stage, random.Random], Awaitable[None]]


async def kill_one(stage: Stage, chance: random.Random) -> None:
    name = chance.choice([*stage.workers, RELAY, INGRESS])
    await stage.kill(name)
    await asyncio.sleep(DOWN_SECONDS)
    await stage.revive(name)


async def restart_one(stage: Stage, chance: random.Random) -> None:
    name = chance.choice([*stage.workers, RELAY, INGRESS])
    await stage.process(name).stop()
    await stage.revive(name)
    stage.batches_at_risk += len(stage.workers)


async def freeze_a_worker(stage: Stage, chance: random.Random) -> None:
    name = chance.choice(stage.workers)
    stage.process(name).freeze()
    await asyncio.sleep(FROZEN_SECONDS)
    stage.process(name).thaw()
    stage.batches_at_risk += len(stage.workers)


async def freeze_the_broker(stage: Stage, _chance: random.Random) -> None:
    stage.broker.pause()
    await asyncio.sleep(FROZEN_SECONDS)
    stage.broker.resume()
    stage.batches_at_risk += len(stage.workers)


async def kill_the_broker(stage: Stage, _chance: random.Random) -> None:
    stage.broker.kill()
    await asyncio.sleep(DOWN_SECONDS)
    await asyncio.to_thread(stage.broker.restart)
    stage.batches_at_risk += len(stage.workers)


async def expire_tokens(stage: Stage, _chance: random.Random) -> None:
    await stage.org.arm({"kind": "expire_tokens"})


def storm(name: str) -> Fault:
    """Return the fault: the org as in STORMS for a while."""

    async def act(stage: Stage, _chance: random.Random) -> None:
        cuts = stage.seen["cut_after"]
        await stage.storm([dict(STORMS[name])], STORM_SECONDS)
        stage.batches_at_risk += stage.seen["cut_after"] - cuts

    return act


def scene(act: Act) -> Fault:
    """Return a scenario's act as a fault."""

    async def play(stage: Stage, _chance: random.Random) -> None:
        await act(stage)

    return play


FAULTS: dict[str, Fault] = {
    "kill -9": kill_one,
    "SIGTERM": restart_one,
    "worker frozen": freeze_a_worker,
    "tokens expired": expire_tokens,
    **{name: storm(name) for name in STORMS},
}
# By how many brokers there are.
BROKER_FAULTS: dict[int, dict[str, Fault]] = {
    1: {"broker frozen": freeze_the_broker, "broker killed": kill_the_broker},
    BROKERS: {
        "leader killed": scene(down_and_up(leader, Node.kill, Node.restart)),
        "leader frozen": scene(down_and_up(leader, Node.pause, Node.resume)),
        "coordinator killed": scene(down_and_up(group_coordinator, Node.kill, Node.restart)),
        "controller killed": scene(down_and_up(controller, Node.kill, Node.restart)),
        "brokers restarted": scene(restart_all),
        "two brokers down": scene(two_down),
        "brokers parted": scene(part_the_brokers),
        "replicas moved": scene(reassign),
    },
}


@dataclass(frozen=True, slots=True)
class Soak:
    """What is asked for."""

    seed: int
    rate: float
    minutes: float = 60.0
    every_seconds: float = 30.0
    brokers: int = 1

    @property
    def faults(self) -> dict[str, Fault]:
        """What may happen; two soaks of one seed see the same."""
        return FAULTS | BROKER_FAULTS[self.brokers]


def soak(wanted: Soak) -> Scenario:
    """Return the scenario of one soak."""
    seconds = wanted.minutes * 60

    async def act(stage: Stage) -> None:
        chance = random.Random(wanted.seed)
        vitals = Vitals()
        names = (*stage.workers, RELAY, INGRESS)
        watching = asyncio.create_task(
            vitals.watch(lambda: stage.pipeline.processes.running, names)
        )
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            await _one_fault(stage, wanted, chance)
            rest = min(end, began + wanted.every_seconds) - time.monotonic()
            await asyncio.sleep(max(0.0, rest))
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        stage.seen["processes judged by memory and files"] = vitals.judged
        stage.complaints += vitals.grown()

    return Scenario(
        f"soak-{wanted.seed}",
        f"a random fault every {wanted.every_seconds:g} s for {wanted.minutes:g} minutes on "
        f"{wanted.brokers} broker(s), seed {wanted.seed}",
        act,
        evidence={"faults": 1, "processes judged by memory and files": 1},
        needs_own_broker=True,
        brokers=wanted.brokers,
        has_links=wanted.brokers > 1,
        rate_per_second=wanted.rate,
        # The org's rule is the second guard of a worker that was frozen in a call.
        has_stale_rule=True,
        least_accepted=int(seconds * wanted.rate / 2),
        recovers_within_seconds=120.0,
        run_seconds=seconds + 600,
    )


async def _one_fault(stage: Stage, wanted: Soak, chance: random.Random) -> None:
    name = chance.choice(sorted(wanted.faults))
    print(f"  {time.strftime('%H:%M:%S')} {name}", file=sys.stderr, flush=True)
    stage.seen["faults"] += 1
    stage.seen[f"fault: {name}"] += 1
    async with stage.hurting():
        await wanted.faults[name](stage, chance)


def a_third() -> float:
    """Return a third of the sustained rate that the benchmarks have measured; 0: they have none."""
    sections = orjson.loads(BENCHMARKS.read_bytes())["sections"]
    figures = [figure for section in sections for figure in section["figures"]]
    rates = (item["median"] for item in figures if item["what"] == SUSTAINED)
    return float(next(rates, 0)) / SHARE


def _keep(card: Card) -> None:
    """Add the card to the report; the same seed takes the place of its last run."""
    known = [Card.from_json(each) for each in orjson.loads(REPORTS[1].read_bytes())]
    cards = [*(each for each in known if each.name != card.name), card]
    write_reports(cards, REPORTS, HEAD)


def main() -> int:
    """Run one soak. Exit 0: every promise kept; 1: one is broken."""
    parser = argparse.ArgumentParser(prog="python -m chaos.soak", description="The soak.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="printed when it is not given")
    parser.add_argument("--rate", type=float, default=None, help="webhooks a second")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two faults")
    parser.add_argument("--brokers", type=int, choices=sorted(BROKER_FAULTS), default=1)
    arguments = parser.parse_args()
    rate = arguments.rate or a_third() or LEAST_RATE
    wanted = Soak(
        random.SystemRandom().randrange(10_000) if arguments.seed is None else arguments.seed,
        rate,
        arguments.minutes,
        arguments.every,
        arguments.brokers,
    )
    scenario = soak(wanted)
    print(f"{scenario.story}, {scenario.rate_per_second:.0f} webhooks/s", file=sys.stderr)
    card = uvloop.run(perform(scenario, WORK_DIRECTORY / scenario.name))
    print(summary_line(card), file=sys.stderr, flush=True)
    _keep(card)
    print(f"card: {REPORTS[0]}", file=sys.stderr)
    return 0 if card.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
