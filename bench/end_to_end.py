"""From the webhook to the write in Salesforce: how long it takes, and how much a machine sustains.

    python -m bench.end_to_end [--seconds 20] [--runs 3] [--minutes 10] [--workers 2] [--json]

Everything runs on this machine: load generator, ingress, broker, relay, workers and the simulated
org, which takes 100 ms for a call. Latency counts from the moment an order was due, not from when
it was sent, to the moment the org wrote it, by the org's own history.

Sustained: at each rate of the ladder orders arrive for a while; it is sustained when all of them
were accepted and the lag is below three seconds' worth at the end and grew by less than one
second's in the second half. The highest such rate is then held for `--minutes`; if it cannot be,
the next lower one.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from array import array
from collections import defaultdict
from dataclasses import dataclass, field

from bench.command import options_of, run
from bench.figures import Section
from bench.generator import percentiles
from bench.orders import FIRST_NUMBER, NEW_CUSTOMER_EVERY, RETURNING_CUSTOMERS
from bench.rig import POLL_SECONDS, Rig, running_pipe
from bench.usage import Meter, slope_per_minute, usage_of

LATENCY_RATES = (50, 200, 500)
PROMISED_RATE, MOST_P99_MS = 200, 1_000
# What is left when no event waits for one of the calls in flight to end.
MANY_CALLS, MOST_P99_MS_WITH_MANY = 15, 250
LADDER = (250, 500, 1_000, 1_500, 2_000, 2_500, 3_000)
FLOOR, AIM = 1_500, 3_000
DISTINCT_ORDERS = 50_000
RUNG_SECONDS = 20.0
SAMPLE_SECONDS = 2.0
MOST_LAG_SECONDS, MOST_GROWTH_SECONDS = 3.0, 1.0
# Others' outcomes beside a load make the lag look smaller than it is.
WRITTEN_SECONDS = 60.0
# A rate is one of the ladder's although the last request went out a little late.
LEAST_OF_RATE = 0.97
NUMBERS_APART = 10_000_000
CALL_MS = 100
WARM_RATE, WARM_SECONDS = 100.0, 2 * RETURNING_CUSTOMERS / 100


@dataclass(slots=True)
class Loads:
    """Hands out order numbers, so that no two loads share an order."""

    first: int = FIRST_NUMBER

    def next(self) -> str:
        self.first += NUMBERS_APART
        return str(self.first)


@dataclass(slots=True)
class Held:
    """What a rate did: lag and memory over time, and the CPU time of every process."""

    rate: float
    lags: list[tuple[float, float]] = field(default_factory=list)
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    costs: dict[str, float] = field(default_factory=dict)
    accepted_per_second: float = 0.0
    concluded_per_second: float = 0.0
    drain_seconds: float = 0.0

    @property
    def is_sustained(self) -> bool:
        """Whether the pipe kept up: what is measured is the second half."""
        late = self.lags[len(self.lags) // 2 :]
        growth = slope_per_minute(late) / 60 * (late[-1][0] - late[0][0])
        keeps_up = (
            late[-1][1] <= MOST_LAG_SECONDS * self.rate
            and growth <= MOST_GROWTH_SECONDS * self.rate
        )
        return keeps_up and self.accepted_per_second >= LEAST_OF_RATE * self.rate


async def latency(
    rig: Rig, loads: Loads, rate: float, seconds: float, *, beside_per_second: float = 0.0
) -> dict[str, float]:
    """Return percentiles in milliseconds of one run at a rate, with others' orders beside it."""
    first = loads.next()
    writes = (rate + 2 * beside_per_second) * seconds * 4
    await rig.org.change(history_limit=round(writes))
    figures = await rig.load("--rate", str(rate), "--first", first, seconds=seconds)
    await rig.drained()
    deadline = time.monotonic() + WRITTEN_SECONDS
    while len(written := await _written(rig, int(first), figures["sent"])) != figures["sent"]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{figures['sent']} orders were sent, {len(written)} written")
        await asyncio.sleep(POLL_SECONDS)
    return percentiles(
        array("d", (at - figures["wall"] - number / rate for number, at in written.items()))
    )


async def _written(rig: Rig, first: int, sent: int) -> dict[int, float]:
    """Return when each order of a load was first written, by its place in the load."""
    written: dict[int, float] = {}
    for write in await rig.org.history("Opportunity", ""):
        number = int(write["external_id"]) - first
        if 0 <= number < sent:
            written.setdefault(number, write["time"])
    return written


async def hold(rig: Rig, loads: Loads, rate: float, seconds: float) -> Held:
    """Let orders arrive at a rate and watch what happens."""
    held, pids = Held(rate), rig.pids()
    before = await rig.concluded()
    meter = Meter.start(pids)
    sending = asyncio.create_task(
        rig.load(
            *("--rate", str(rate), "--first", loads.next(), "--orders", str(DISTINCT_ORDERS)),
            *("--connections", "128"),
            seconds=seconds,
        )
    )
    while not sending.done() and meter.seconds < seconds:
        await asyncio.wait({sending}, timeout=SAMPLE_SECONDS)
        now = meter.seconds
        held.lags.append((now, await rig.lag()))
        for name, pid in pids.items():
            held.memory[name].append((now, usage_of(pid).resident_bytes / 2**20))
    held.concluded_per_second = (await rig.concluded() - before) / meter.seconds
    figures = await sending
    held.accepted_per_second = figures["accepted_per_second"]
    ended = meter.seconds
    await rig.drained(timeout_seconds=600)
    held.drain_seconds = meter.seconds - ended
    events = figures["sent"]
    cpu = meter.cpu_seconds()
    held.costs = {name: 1e6 * used / events for name, used in cpu.items()}
    held.costs["load generator"] = 1e6 * figures["cpu_seconds"] / events
    return held


async def measure(options: argparse.Namespace) -> Section:
    """Measure latency, then the ladder, then the long run."""
    section = Section("end_to_end", "From webhook to Salesforce", TEXT)
    loads = Loads()
    await _latencies(section, loads, options)
    async with running_pipe(workers=options.workers, latency_ms=CALL_MS) as rig:
        await _warm(rig, loads)
        await rig.org.change(history_limit=1_000)
        held = await _best(section, rig, loads, options)
        _sustained(section, held, options.minutes)
        summary = await rig.org.summary()
    judged = {"records twice": len(summary["duplicates"]), "stale writes": summary["stale_writes"]}
    for what, count in judged.items():
        section.add(what, "", [count], most=0)
    section.conditions |= {"workers": options.workers, "a call takes": f"{CALL_MS} ms"}
    return section


async def _best(
    section: Section, rig: Rig, loads: Loads, options: argparse.Namespace
) -> Held | None:
    """Climb the ladder, then hold the highest rate that can be held for long."""
    climbed: list[Held] = []
    for rate in LADDER:
        held = await hold(rig, loads, rate, options.rung_seconds)
        section.remarks.append(_rung(held))
        if not held.is_sustained:
            break
        climbed.append(held)
    held_long = climbed[-1] if climbed else None
    while climbed and options.minutes:
        held_long = await hold(rig, loads, climbed.pop().rate, 60 * options.minutes)
        if held_long.is_sustained:
            break
        section.remarks.append(f"Not for {options.minutes:g} minutes. {_rung(held_long)}")
    return held_long


async def _warm(rig: Rig, loads: Loads) -> None:
    """Let every customer who comes back be known: who is new takes three records, one by one."""
    await latency(rig, loads, WARM_RATE, WARM_SECONDS)


async def _latencies(section: Section, loads: Loads, options: argparse.Namespace) -> None:
    async with running_pipe(workers=options.workers, latency_ms=CALL_MS) as rig:
        await _warm(rig, loads)
        found: dict[int, list[dict[str, float]]] = defaultdict(list)
        for _ in range(options.runs):
            for rate in LATENCY_RATES:
                found[rate].append(await latency(rig, loads, rate, options.seconds))
    many = {"SALESFORCE_CONCURRENCY": str(MANY_CALLS)}
    async with running_pipe(workers=options.workers, latency_ms=CALL_MS, env=many) as rig:
        await _warm(rig, loads)
        with_many = [
            await latency(rig, loads, PROMISED_RATE, options.seconds) for _ in range(options.runs)
        ]
    for rate, runs in found.items():
        held = {"most": float(MOST_P99_MS)} if rate == PROMISED_RATE else {}
        section.add(f"p50 at {rate} orders/s", "ms", [each["p50_ms"] for each in runs])
        section.add(f"p99 at {rate} orders/s", "ms", [each["p99_ms"] for each in runs], **held)
    name = f"at {PROMISED_RATE} orders/s, {MANY_CALLS} calls in flight a worker"
    section.add(f"p50 {name}", "ms", [each["p50_ms"] for each in with_many])
    p99s = [each["p99_ms"] for each in with_many]
    section.add(f"p99 {name}", "ms", p99s, most=MOST_P99_MS_WITH_MANY)


def _sustained(section: Section, held: Held | None, minutes: float) -> None:
    name = f"sustained for {minutes:g} min" if minutes else "sustained"
    if held is None or not held.is_sustained:
        section.add(name, "orders/s", [0], least=FLOOR)
    else:
        section.add(name, "orders/s", [held.rate], least=FLOOR)
        section.add(f"{name} (the aim)", "orders/s", [held.rate], least=AIM)
    if held is None:
        return
    late_lags = held.lags[len(held.lags) // 3 :]
    section.add("events under way meanwhile", "", [lag for _, lag in late_lags])
    section.add("their growth", "events/min", [slope_per_minute(late_lags)])
    for process, cost in held.costs.items():
        section.add(f"CPU time, {process}", "µs/order", [cost])
    section.add("CPU time, all together", "µs/order", [sum(held.costs.values())])
    for process, samples in held.memory.items():
        late = samples[len(samples) // 3 :]
        section.add(f"memory, {process}", "MB", [late[-1][1]])
        section.add(f"memory growth, {process}", "MB/min", [slope_per_minute(late)])


def _rung(held: Held) -> str:
    total = sum(held.costs.values())
    bound = 1e6 / total if total else 0.0
    return (
        f"At {held.rate:,.0f} orders/s: accepted {held.accepted_per_second:,.0f}/s, "
        f"{held.concluded_per_second:,.0f}/s concluded, lag {held.lags[-1][1]:,.0f} at the end, "
        f"{held.drain_seconds:.1f} s to drain; {total:.0f} µs of CPU an order over all processes, "
        f"which bounds a core at {bound:,.0f} orders/s."
    )


TEXT = (
    "Orders of 1.2 KB arrive at a constant rate; one in "
    f"{NEW_CUSTOMER_EVERY} is of a new customer (three records), the others add an Opportunity to "
    f"a known one. A call to the simulated org takes {CALL_MS} ms; debounce is off. In the "
    f"sustained load {DISTINCT_ORDERS:,} orders are saved again and again, each save with another "
    "amount, so that memory shows leaks and not the number of orders."
)


def main() -> None:
    parser = options_of(__doc__, seconds=20, runs=3)
    parser.add_argument("--minutes", type=float, default=1.0, help="length of the sustained load")
    parser.add_argument("--rung-seconds", type=float, default=RUNG_SECONDS)
    parser.add_argument("--workers", type=int, default=2)
    run(measure, parser)


if __name__ == "__main__":
    main()
