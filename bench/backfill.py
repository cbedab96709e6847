"""A backfill beside live traffic, killed -9 at 40 % and resumed: are both sides equal then?

    python -m bench.backfill [--orders 100000] [--live-rate 20] [--rate 400] [--json]

A simulated store with so many orders behind its REST API, a real broker, one worker, the relay, the
ingress and a simulated org, all as processes. A sender posts a save every 1/rate seconds the whole
time; an event's latency is the pipe's own: from the ingress' receipt to the final outcome, before
the backfill and while it runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.command import run
from bench.figures import Section
from sandbox.broker import Broker
from sandbox.magento.numbered import STARTS_AT, numbered_order
from sandbox.magento.orders import stamp
from sandbox.magento.rest import RestStore
from sandbox.magento.rest_serve import ORDERS_PER_SECOND, generated_rows
from sandbox.magento.sender import Sender
from sandbox.magento.shapes import Shape, webhook_body
from sandbox.magento.store import ORDER_SAVED, Webhook
from sandbox.pipeline import Pipeline
from sandbox.process import Process
from sandbox.processes import Processes, orderstream
from schemas.event import Kind
from stream.audit.audit import run_audit
from stream.config import Settings, load_settings
from stream.kafka.log.range_reader import RangeReader

WARM_UP_SECONDS, QUIET_SECONDS = 10.0, 30.0
MOST_GROWTH = 1.5
KILL_AT = 0.4
SETTLE_SECONDS = 1800.0
SLOWEST_ORDERS_PER_SECOND = 50  # what is slower than this has hung


@dataclass(slots=True)
class Bench:
    """What the phases share."""

    pipeline: Pipeline
    store: RestStore
    settings: Settings
    orders: int
    env: dict[str, str] = field(default_factory=dict)
    commands: int = 0

    @property
    def patience_seconds(self) -> float:
        return SETTLE_SECONDS + self.orders / SLOWEST_ORDERS_PER_SECOND

    def spawn(self, *arguments: str) -> Process:
        self.commands += 1
        name = f"{arguments[0]}-{self.commands}"
        command = orderstream(*arguments)
        process = self.pipeline.processes.spawn(name, *command, env=self.pipeline.env | self.env)
        process.is_stopping = True
        return process

    async def accepted(self) -> int:
        """Return how many events the source topic holds."""
        async with RangeReader(self.settings) as reader:
            return sum(span.size for span in await reader.spans([self.settings.topics.orders]))

    async def live_latencies_ms(self, since_ms: int, until_ms: int) -> list[int]:
        """Return the latencies of live events whose outcome fell into a phase."""
        found: list[int] = []
        async with RangeReader(self.settings) as reader:
            spans = await reader.spans([self.settings.topics.results], since_ms=since_ms)
            async for batch in reader.read(spans):
                results = [orjson.loads(record.value) for record in batch]
                found += [
                    r.get("latency_ms", 0)
                    for r in results
                    if r.get("via", "live") == "live" and since_ms <= r["at_ms"] < until_ms
                ]
        return sorted(found)


async def live_traffic(bench: Bench, rate: float) -> None:
    """Save orders 1, 2, … again, one every 1/rate seconds, and say so by webhook."""
    pipeline = bench.pipeline
    async with (
        Sender(pipeline.webhook_url, pipeline.secret) as sender,
        asyncio.TaskGroup() as group,
    ):
        n, due = 0, time.monotonic()
        while True:
            n = n % bench.orders + 1
            order = numbered_order(n, 2) | {"updated_at": stamp(datetime.now(UTC))}
            bench.store.orders.save(order)
            body = webhook_body(order, Kind.ORDER, ORDER_SAVED, Shape.BLUEPRINT)
            webhook = Webhook(
                Kind.ORDER, ORDER_SAVED, order["increment_id"], order["updated_at"], body
            )
            group.create_task(sender.send(webhook))
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))


@asynccontextmanager
async def background(work: asyncio.Task[None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def settle(bench: Bench) -> str:
    """Return the balance once nothing is pending."""
    deadline = time.monotonic() + bench.patience_seconds
    while True:
        total = (await run_audit(bench.settings, grace_seconds=3600)).total
        if total.pending == 0:
            assert total.is_balanced
            return total.line
        if time.monotonic() > deadline:
            raise SystemExit(f"not settled: {total.line}")
        await asyncio.sleep(2)


async def tell(bench: Bench, rate: float, live_rate: float) -> Section:
    """Run the story and return what it measured."""
    window = ("--from", STARTS_AT.strftime("%Y-%m-%d"), "--to", until(bench.orders))
    async with background(asyncio.create_task(live_traffic(bench, live_rate))):
        await asyncio.sleep(WARM_UP_SECONDS)
        marks = [now_ms()]
        await asyncio.sleep(QUIET_SECONDS)
        marks.append(now_ms())
        started = time.monotonic()
        killed = await run_until_killed(bench, *window, "--rate", str(rate))
        say(f"killed -9 after {await bench.accepted():,} events")
        second = bench.spawn("backfill", "--resume", killed, "--json")
        if await second.wait(timeout_seconds=bench.patience_seconds):
            raise SystemExit(second.output)
        report = json.loads(second.output[second.output.index("{\n") :])
        seconds = time.monotonic() - started
        marks.append(now_ms())
    say(f"resumed: {report['found']:,} found, {report['copied']:,} copied")
    balance = await settle(bench)
    check = bench.spawn("reconcile", "--from", window[1], "--to", "now", "--json")
    code = await check.wait(timeout_seconds=bench.patience_seconds)
    checked = json.loads(check.output[check.output.index("{\n") :])
    section = Section("backfill", "Backfill beside live traffic", TEXT.format(rate, live_rate))
    section.add("orders backfilled", "", [bench.orders])
    section.add("backfilled, with a kill in it", "orders/s", [bench.orders / seconds])
    p99s = []
    began, loaded, ended = marks
    for name, since, end in (("before", began, loaded), ("beside it", loaded, ended)):
        found = await bench.live_latencies_ms(since, end)
        p99s.append(percentile(found, 0.99))
        section.add(f"live p50, {name}", "ms", [percentile(found, 0.5)])
        section.add(f"live p99, {name}", "ms", p99s[-1:])
    section.add("live p99, beside it over before", "x", [p99s[1] / p99s[0]], most=MOST_GROWTH)
    section.add("orders compared", "", [checked["checked"]])
    section.add("differences reconcile finds (its exit code)", "", [code], most=0)
    section.remarks.append(f"Balance: {balance}. Found: {checked['found']}.")
    return section


async def run_until_killed(bench: Bench, *arguments: str) -> str:
    """Start a backfill, kill -9 it at two fifths, and return the job's id."""
    before = await bench.accepted()
    first = bench.spawn("backfill", *arguments, "--run", "--why", "bench")
    while await bench.accepted() - before < KILL_AT * bench.orders:
        if not first.is_running:
            raise SystemExit(f"the backfill ended early:\n{first.output}")
        await asyncio.sleep(0.5)
    first.send_signal(signal.SIGKILL)
    await first.wait(timeout_seconds=10)
    found = re.search(r"job (backfill-\S+):", first.output)
    assert found
    return found[1]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def until(orders: int) -> str:
    seconds = orders // ORDERS_PER_SECOND + 1
    return datetime.fromtimestamp(STARTS_AT.timestamp() + seconds, UTC).isoformat()


def percentile(values: list[int], part: float) -> float:
    """Return a percentile of sorted values; NaN of none."""
    return float(values[min(len(values) - 1, int(len(values) * part))]) if values else float("nan")


TEXT = (
    "A simulated store behind its REST API, one worker; up to {:g} orders a second are backfilled "
    "while {:g} live saves a second arrive. The backfill is killed -9 at two fifths and resumed. "
    "Latency is from the ingress' receipt to the outcome."
)


async def measure(options: argparse.Namespace) -> Section:
    """Set everything up, tell the story, and take it down."""
    store = RestStore(orders=generated_rows(options.orders))
    with Broker.start() as broker, tempfile.TemporaryDirectory() as folder:
        async with store.serve(), Processes(Path(folder)) as processes:
            pipeline = await Pipeline.start(
                processes,
                bootstrap_servers=broker.bootstrap_servers,
                env={"SALESFORCE_CALLS_PER_SECOND": "50", "LOG_LEVEL": "warning"},
            )
            settings = load_settings(
                env_file=None,
                kafka_bootstrap_servers=broker.bootstrap_servers,
                state_directory=Path(folder),
            )
            env = {**store.env, "MAGENTO_CALLS_PER_SECOND": "50"}
            bench = Bench(pipeline, store, settings, options.orders, env)
            return await tell(bench, options.rate, options.live_rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=400.0, help="backfilled events per second")
    parser.add_argument("--live-rate", type=float, default=20.0, help="webhooks per second")
    run(measure, parser)


if __name__ == "__main__":
    main()
