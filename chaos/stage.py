"""What a scenario acts on: the running pipe, the load on it, the org, the broker, and a notebook.

Everything a scenario does is noted in `seen`, so that the judge can tell a run in which nothing
happened from one that was survived. What it finds broken by itself is in `complaints`.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError

from chaos.links import Links
from chaos.load import Load
from chaos.org_view import held_amounts, held_versions
from chaos.scenario import BATCH_MAX_EVENTS
from chaos.supervisor import Supervisor
from chaos.verdict import lost_orders, newest_accepted
from sandbox.broker import Broker, Cluster
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline, worker_name
from sandbox.process import Process
from sandbox.processes import answers
from stream.config import Settings

POLL_SECONDS = 0.1
LOOK_SECONDS = 0.5
LATEST = 20
RECOVERY_TIMEOUT_SECONDS = 150.0
WAIT_TIMEOUT_SECONDS = 90.0


@dataclass(slots=True)
class Stage:
    """One run. `scale` shortens what a scenario does for long: 1.0 is the report card's length."""

    pipeline: Pipeline
    org: OrgRemote
    load: Load
    supervisor: Supervisor
    settings: Settings
    own_broker: Broker | Cluster | None
    scale: float = 1.0
    may_lose: bool = False
    seen: Counter[str] = field(default_factory=Counter)
    dead_orders: set[str] = field(default_factory=set)
    other_dead: int = 0
    batches_at_risk: int = 0
    fault: tuple[float, float] = (0.0, 0.0)
    recovery: asyncio.Task[float | None] | None = None
    links: Links = field(default_factory=Links)
    own_disk: Path | None = None
    is_undated: bool = False
    complaints: list[str] = field(default_factory=list)

    @property
    def workers(self) -> list[str]:
        return [worker_name(number) for number in range(1, self.pipeline.workers + 1)]

    @property
    def broker(self) -> Broker:
        assert isinstance(self.own_broker, Broker), "the scenario does not say needs_own_broker"
        return self.own_broker

    @property
    def cluster(self) -> Cluster:
        assert isinstance(self.own_broker, Cluster), "the scenario does not say brokers=3"
        return self.own_broker

    @property
    def disk(self) -> Path:
        """The small disk of the broker, or of the first of several."""
        assert self.own_disk is not None, "the scenario does not say broker_disk"
        return self.own_disk

    @property
    def most_redundant(self) -> int:
        """Work that may be done twice: what was in hand whenever something was cut off."""
        return self.batches_at_risk * BATCH_MAX_EVENTS

    def process(self, name: str) -> Process:
        return self.pipeline.processes[name]

    def times(self, count: int) -> int:
        """Return how often something is done that the report card does `count` times."""
        return max(1, round(count * self.scale))

    async def rest(self, seconds: float) -> None:
        """Let the load run for this long, shortened by the scale."""
        await asyncio.sleep(seconds * self.scale)

    async def until(
        self,
        what: Callable[[], Awaitable[bool]],
        *,
        timeout_seconds: float = WAIT_TIMEOUT_SECONDS,
    ) -> bool:
        """Return whether something came true within the timeout.

        What nobody can be asked about, because Kafka is away, is not true yet.
        """
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            with suppress(KafkaError):
                if await what():
                    return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    @asynccontextmanager
    async def hurting(self) -> AsyncIterator[None]:
        """Mark the time of the fault; from its end on, recovery is measured."""
        start = time.monotonic()
        self.fault = (start, start)
        yield
        self.fault = (start, time.monotonic())
        self.recovery = asyncio.create_task(self._recover())

    async def _recover(self) -> float | None:
        """Return seconds until all that was accepted up to now is in Salesforce."""
        deliveries = self.load.deliveries
        # Where older ones may be gone for good, the latest must come through.
        due = newest_accepted(deliveries[-LATEST:] if self.may_lose else deliveries)
        began = time.monotonic()
        while time.monotonic() - began < RECOVERY_TIMEOUT_SECONDS:
            held = await self.held()
            if lost_orders(due, held) <= self.dead_orders:
                return time.monotonic() - began
            await asyncio.sleep(LOOK_SECONDS)
        return None

    async def held(self) -> dict[str, int]:
        """Return order → the version that the org holds now."""
        return await (held_amounts if self.is_undated else held_versions)(self.org)

    async def in_flight(self) -> int:
        """Return how many Salesforce calls are under way."""
        return int((await self.org.calls())["in_flight"])

    async def until_in_call(self, least: int = 1) -> bool:
        async def is_in_call() -> bool:
            return await self.in_flight() >= least

        return await self.until(is_in_call)

    async def kill(self, name: str, *, at_risk: int = 1) -> None:
        """Kill -9 a process; it stays down until `revive`."""
        assert await self.process(name).kill() != 0
        self.seen["kill -9"] += 1
        self.batches_at_risk += at_risk

    async def revive(self, name: str) -> None:
        """Start a killed or stopped process again, and return when it is ready."""
        await self.pipeline.restart(name)

    async def quiet(self) -> None:
        """Send nothing more for now, and return when all that was accepted is in Salesforce."""
        await self.load.pause()

        async def is_written() -> bool:
            due = newest_accepted(self.load.deliveries)
            return lost_orders(due, await self.held()) <= self.dead_orders

        await self.until(is_written)

    async def says(self, word: str) -> bool:
        """Return whether a worker's log gets the word in time, or has it of an earlier life."""

        async def has_it() -> bool:
            logs = [self.process(name).log_path for name in self.workers]
            return any(word in log.read_text(errors="replace") for log in logs)

        return await self.until(has_it)

    def readdress(self, servers: str) -> None:
        """Tell whoever is started from now on where the brokers are."""
        self.pipeline.env["KAFKA_BOOTSTRAP_SERVERS"] = servers
        for process in self.pipeline.processes.running:
            process.env["KAFKA_BOOTSTRAP_SERVERS"] = servers
        self.settings = self.settings.model_copy(update={"kafka_bootstrap_servers": servers})

    async def is_ready(self, name: str) -> bool:
        url = self.pipeline.status_urls[name]
        return await answers(f"{url}/readyz")(self.process(name))

    async def storm(self, faults: list[dict[str, Any]], seconds: float) -> None:
        """Arm faults of the org for some seconds; `seen` gets how often each kind fired."""
        ids = [await self.org.arm(fault) for fault in faults]
        await self.rest(seconds)
        for fault in await self.org.faults():
            self.seen[fault["kind"]] += fault["fired"]
        for fault_id in ids:
            await self.org.disarm(fault_id)
