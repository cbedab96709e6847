"""Accepted events per second and their latency: our ingress beside a prototype and others.

    python -m bench.ingress [--seconds 5] [--runs 5] [--json]

All servers run at the same time and are loaded one after the other, in turn and then in reverse, so
that whatever else the machine does hits all of them. Rates are for 192 connections that always have
a request under way, and again for 64, with which everybody waits for the broker together and small
batches cost more. Latency is measured at 1,000 orders/s that arrive on time whatever the server
does. CPU time per event is that of the server and of what stores the event.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.command import options_of, run
from bench.figures import Section
from bench.prototype_ingress import TOPIC as PROTOTYPE_TOPIC
from bench.rig import BROKER, broker_pid, generate, own_broker, run_directory
from bench.subjects import NotHereError, Subject, blueprint, ours, prototype
from bench.usage import Meter
from sandbox.processes import Processes
from stream.config import load_settings
from stream.kafka.topic_admin import TopicAdmin

CONNECTIONS, FEW_CONNECTIONS = 192, 64
STEADY_RATE = 1_000
WARM_UP_SECONDS = 1.5
SECRET = "benchmark-" + "0123456789abcdef" * 3
LEAST_OF_PROTOTYPE, LEAST_OF_BARE = 90, 75
MOST_P99_MS = 10

FEW = f", {FEW_CONNECTIONS} connections"
OURS, PROTOTYPE, BARE = "ours, 1 process", "prototype, 1 process", "bare server, 1 process"
PLAIN = f"{OURS}, no fast path"


@dataclass(slots=True)
class Bench:
    """The running servers, and what was measured of each."""

    processes: Processes
    secret_file: str
    storage: dict[str, int]
    subjects: list[Subject] = field(default_factory=list)
    not_here: list[str] = field(default_factory=list)
    rates: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    costs: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    loads: int = 0

    async def load(
        self, subject: Subject, *arguments: str, seconds: float, connections: int = CONNECTIONS
    ) -> dict[str, Any]:
        """Load one server and return what the generator says."""
        self.loads += 1
        figures = await generate(
            self.processes,
            f"load-{self.loads}",
            *("--port", str(subject.port), "--secret-file", self.secret_file),
            *("--connections", str(connections), "--prepared", *arguments),
            seconds=seconds,
        )
        if set(figures["statuses"]) != {"200"}:
            raise RuntimeError(f"{subject.name} answered {figures['statuses']}")
        return figures

    async def saturate(
        self, subject: Subject, seconds: float, connections: int = CONNECTIONS
    ) -> None:
        """Note the rate of a server, and what an event costs it."""
        meter = Meter.start(subject.pids | self.storage)
        figures = await self.load(subject, seconds=seconds, connections=connections)
        events = figures["accepted_per_second"] * figures["seconds"]
        cpu = meter.cpu_seconds()
        server = sum(cpu[name] for name in subject.pids)
        name = subject.name + (FEW if connections == FEW_CONNECTIONS else "")
        self.rates[name].append(figures["accepted_per_second"])
        self.costs[name].append(1e6 * server / events)
        if BROKER in cpu and not subject.name.startswith(("bare", "Express")):
            self.costs[f"broker, for {name}"].append(1e6 * cpu[BROKER] / events)


async def measure(options: argparse.Namespace) -> Section:
    """Measure all servers and return the section."""
    async with running_servers(is_whole=not options.brief) as bench:
        for subject in bench.subjects:
            await bench.load(subject, seconds=WARM_UP_SECONDS)
        steady = [s for s in bench.subjects if s.name in (OURS, PLAIN, PROTOTYPE, BARE)]
        turns = [(subject, CONNECTIONS) for subject in bench.subjects]
        turns += [(subject, FEW_CONNECTIONS) for subject in steady]
        for number in range(options.runs):
            for subject, connections in turns if number % 2 == 0 else reversed(turns):
                await bench.saturate(subject, options.seconds, connections)
        latencies: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for _ in range(options.runs):
            for subject in steady:
                rate = ("--rate", str(STEADY_RATE))
                latencies[subject.name].append(
                    await bench.load(subject, *rate, seconds=options.seconds)
                )
        return _section(bench, latencies)


@asynccontextmanager
async def running_servers(*, is_whole: bool) -> AsyncIterator[Bench]:
    """Run ours and its baselines on a broker of their own; `is_whole`: the others as well."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(own_broker())
        directory = await stack.enter_async_context(run_directory())
        processes = await stack.enter_async_context(Processes(directory))
        secret_file = directory / "secret"
        secret_file.write_text(SECRET, encoding="ascii")
        servers = broker.bootstrap_servers
        await _make_topics(servers)
        env = {"KAFKA_BOOTSTRAP_SERVERS": servers, "MAGENTO_WEBHOOK_SECRET": SECRET}
        bench = Bench(processes, str(secret_file), broker_pid(broker))
        starts = [
            ours(processes, env),
            prototype(processes, secret_file, servers),
            prototype(processes, secret_file, ""),
            ours(processes, env, is_fast=False),
        ]
        if is_whole:
            starts += [
                ours(processes, env, count=2),
                prototype(processes, secret_file, servers, count=2),
                prototype(processes, secret_file, "", count=2),
                blueprint(processes, secret_file),
            ]
        for start in starts:
            try:
                bench.subjects.append(await stack.enter_async_context(start))
            except NotHereError as error:
                bench.not_here.append(str(error))
        yield bench


async def _make_topics(servers: str) -> None:
    settings = load_settings(env_file=None, kafka_bootstrap_servers=servers)
    specs = settings.topics.specs()
    like_ours = next(spec for spec in specs if spec.name == settings.topics.orders)
    async with TopicAdmin(settings) as admin:
        await admin.create([*specs, dataclasses.replace(like_ours, name=PROTOTYPE_TOPIC)])


def _section(bench: Bench, latencies: dict[str, list[dict[str, Any]]]) -> Section:
    section = Section("ingress", "Ingress", TEXT)
    for name, rates in bench.rates.items():
        section.add(f"accepted, {name}", "events/s", rates)
    _shares(section, bench)
    for name, costs in bench.costs.items():
        section.add(f"CPU time, {name}", "µs/event", costs)
    for name, runs in latencies.items():
        most = {"most": MOST_P99_MS} if name == OURS else {}
        section.add(f"p50 at 1,000/s, {name}", "ms", [each["p50_ms"] for each in runs])
        section.add(f"p99 at 1,000/s, {name}", "ms", [each["p99_ms"] for each in runs], **most)
    section.remarks += [f"Express and BullMQ were not measured: {why}." for why in bench.not_here]
    return section


def _shares(section: Section, bench: Bench) -> None:
    """Compare run by run: what slowed one run down slowed both."""
    for count in ("1 process", "2 processes", f"1 process{FEW}"):
        for other, least in (("prototype", LEAST_OF_PROTOTYPE), ("bare server", LEAST_OF_BARE)):
            mine, theirs = bench.rates[f"ours, {count}"], bench.rates[f"{other}, {count}"]
            if mine and theirs:
                shares = [100 * a / b for a, b in zip(mine, theirs, strict=True)]
                section.add(f"our rate of the {other}'s, {count}", "%", shares, least=least)
    for few in ("", FEW):
        fast, plain = bench.rates[OURS + few], bench.rates[PLAIN + few]
        if fast and plain:
            shares = [100 * a / b for a, b in zip(plain, fast, strict=True)]
            section.add(f"rate without the fast path of that with it{few}", "%", shares)


TEXT = (
    "Signed orders of 1.2 KB, every answer a broker's ack (acks=all), broker and load generator "
    "on the same cores. The prototype is forty lines: HMAC, one parse, send_and_wait, a receipt "
    "(`bench/prototype_ingress.py`); the bare server is the same without Kafka. Express and BullMQ "
    "(`bench/blueprint/`) add a job to a Redis that appends to its file once a second."
)


def main() -> None:
    parser = options_of(__doc__, seconds=5, runs=5)
    parser.add_argument(
        "--brief", action="store_true", help="one process of ours and its baselines"
    )
    run(measure, parser)


if __name__ == "__main__":
    main()
