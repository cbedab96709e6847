"""What a benchmark runs on: a broker of its own, the product's processes, and the load beside them.

Every process is one that a user would start; who costs what is read from /proc.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from sandbox.broker import Broker
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import INGRESS, RELAY, SALESFORCE, Pipeline, worker_name
from sandbox.processes import Processes, module
from stream.config import Settings, load_settings
from stream.kafka.log.range_reader import RangeReader

BROKER, GENERATOR, WORKERS = "broker", "load generator", "workers"
GENERATOR_GRACE_SECONDS = 90.0
POLL_SECONDS = 0.2
# A simulated org without a quota: what is measured is the pipe.
NO_DAILY_LIMIT = 10**9


@dataclass(slots=True)
class Rig:
    """A running pipe and its broker."""

    broker: Broker
    processes: Processes
    pipeline: Pipeline
    org: OrgRemote
    settings: Settings
    reader: RangeReader
    secret_file: Path
    loads: int = field(default=0)

    def pids(self) -> dict[str, int]:
        """Return every process by name; the broker among them when it is a process of ours."""
        names = [INGRESS, RELAY, SALESFORCE]
        names += [worker_name(number) for number in range(1, self.pipeline.workers + 1)]
        pids = {name: self.processes[name].pid for name in names}
        return pids | broker_pid(self.broker)

    async def load(self, *arguments: str, seconds: float) -> dict[str, Any]:
        """Send orders to the ingress and return what the generator printed."""
        self.loads += 1
        port = self.pipeline.ingress_url.rpartition(":")[2]
        return await generate(
            self.processes,
            f"load-{self.loads}",
            *("--port", port, "--secret-file", str(self.secret_file)),
            *arguments,
            seconds=seconds,
        )

    async def count(self, *topics: str) -> int:
        """Return how many records were ever written to topics."""
        return sum(span.end for span in await self.reader.spans(topics))

    async def accepted(self) -> int:
        return await self.count(*self.settings.topics.facts)

    async def concluded(self) -> int:
        """Return how many outcomes were published; without retries, one for each event."""
        return await self.count(self.settings.topics.results)

    async def lag(self) -> int:
        return await self.accepted() - await self.concluded()

    async def drained(self, *, timeout_seconds: float = 120.0) -> None:
        """Return when every event has an outcome; raises TimeoutError."""
        async with asyncio.timeout(timeout_seconds):
            while await self.lag() > 0:
                await asyncio.sleep(POLL_SECONDS)


def broker_pid(broker: Broker) -> dict[str, int]:
    """Return the broker's process by name, nothing when it runs in a container."""
    process = getattr(broker, "process", None)
    return {} if process is None else {BROKER: process.pid}


async def generate(
    processes: Processes, name: str, *arguments: str, seconds: float
) -> dict[str, Any]:
    """Run `bench.generator` and return its figures; raises RuntimeError with its log."""
    command = module("bench.generator", *arguments, "--seconds", str(seconds))
    process = processes.spawn(name, *command)
    process.is_stopping = True  # it is meant to end
    code = await process.wait(timeout_seconds=seconds + GENERATOR_GRACE_SECONDS)
    lines = process.output.splitlines()
    if code != 0 or not lines or not lines[-1].startswith("{"):
        raise RuntimeError(f"the load generator failed: {process.log_tail()}")
    figures: dict[str, Any] = orjson.loads(lines[-1])
    return figures


@asynccontextmanager
async def own_broker() -> AsyncIterator[Broker]:
    """Run a broker until the block ends."""
    broker = await asyncio.to_thread(Broker.start)
    try:
        yield broker
    finally:
        await asyncio.to_thread(broker.stop)


@asynccontextmanager
async def run_directory() -> AsyncIterator[Path]:
    """Yield a directory for logs; it is kept when the block fails."""
    directory = Path(tempfile.mkdtemp(prefix="orderstream-bench-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def running_pipe(
    *,
    workers: int = 1,
    latency_ms: float = 100.0,
    env: Mapping[str, str] | None = None,
    broker: Broker | None = None,
) -> AsyncIterator[Rig]:
    """Run the whole pipe, on fresh topics, until the block ends."""
    async with AsyncExitStack() as stack:
        if broker is None:
            broker = await stack.enter_async_context(own_broker())
        directory = await stack.enter_async_context(run_directory())
        processes = await stack.enter_async_context(Processes(directory))
        prefix = f"bench-{secrets.token_hex(4)}."
        given = {
            "KAFKA_TOPIC_PREFIX": prefix,
            "SALESFORCE_CALLS_PER_SECOND": "10000",
            "SALESFORCE_DAILY_SHARE": "1.0",
            "LOG_LEVEL": "warning",
            **(env or {}),
        }
        pipeline = await Pipeline.start(
            processes, bootstrap_servers=broker.bootstrap_servers, workers=workers, env=given
        )
        org = await stack.enter_async_context(OrgRemote(pipeline.salesforce_url))
        await org.change(latency_ms=latency_ms, daily_limit=NO_DAILY_LIMIT)
        settings = load_settings(
            env_file=None,
            kafka_bootstrap_servers=broker.bootstrap_servers,
            kafka_topic_prefix=prefix,
        )
        reader = await stack.enter_async_context(RangeReader(settings))
        secret_file = directory / "secret"
        secret_file.write_text(pipeline.secret, encoding="ascii")
        yield Rig(broker, processes, pipeline, org, settings, reader, secret_file)
