"""The blueprint's own way beside ours, under the same orders and the same faults.

    python -m bench.against_blueprint [--seconds 45] [--json]

Three pipes, one after the other, each against an org of its own: Express that calls Salesforce
after its answer, Express with BullMQ on Redis, and orderstream. Every order is saved three times.
A third of the time has passed: the org answers 503 for some seconds. Two thirds: whatever calls
Salesforce is killed with -9 and started again. Judged by `chaos/verdict.py`, from outside.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.command import options_of, run
from bench.figures import Section
from bench.subjects import BLUEPRINT, TOOLS, NotHereError, install_blueprint
from chaos.load import Load
from chaos.org_view import memory_of
from chaos.verdict import ack_percentile, lost_orders, newest_accepted, stale_writes
from sandbox.broker import Broker
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline, worker_name
from sandbox.ports import free_port
from sandbox.processes import Processes, answers
from sandbox.salesforce.process import running_org

RATE = 20.0
STORM_SHARE = 0.25
# Longer than any pause in which a pipe only waits: the blueprint between two tries, our first retry
# tier, and the group for a member that was killed.
QUIET_SECONDS = 60.0
MOST_SETTLE_SECONDS = 180.0
CALL_MS = 80
STORM = {"kind": "unavailable"}
HISTORY_LIMIT = 500_000


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe under test: where orders go, its org, and how its writer dies and comes back."""

    webhook_url: str
    secret: str
    org_url: str
    kill: Callable[[], Awaitable[object]]
    revive: Callable[[], Awaitable[object]]


@asynccontextmanager
async def ours(directory: Path) -> AsyncIterator[Pipe]:
    """Run orderstream with one worker."""
    async with AsyncExitStack() as stack:
        broker = await asyncio.to_thread(Broker.start)
        stack.push_async_callback(asyncio.to_thread, broker.stop)
        processes = await stack.enter_async_context(Processes(directory))
        pipe = await Pipeline.start(processes, bootstrap_servers=broker.bootstrap_servers)
        name = worker_name(1)

        async def revive() -> None:
            await pipe.restart(name)

        yield Pipe(pipe.webhook_url, pipe.secret, pipe.salesforce_url, processes[name].kill, revive)


@asynccontextmanager
async def express(directory: Path, *, is_queued: bool) -> AsyncIterator[Pipe]:
    """Run the blueprint. Raises NotHereError where it cannot be had."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise NotHereError(f"not installed here: {', '.join(missing)}")
    install_blueprint()
    secret = secrets.token_hex(32)
    secret_file = directory / "secret"
    secret_file.write_text(secret)
    with running_org() as org:
        async with Processes(directory) as processes:
            redis_port, port = free_port() if is_queued else 0, free_port()
            if is_queued:
                processes.spawn(
                    "redis",
                    *("redis-server", "--port", str(redis_port), "--bind", "127.0.0.1"),
                    *("--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"),
                )

            async def start(role: str, at: int) -> None:
                await processes.start(
                    role,
                    *("node", str(BLUEPRINT / "pipe.mjs"), role, str(at), str(redis_port)),
                    *(str(secret_file), org.url, org.consumer_key, org.client_secret),
                    ready=answers(f"http://127.0.0.1:{at}/readyz"),
                )

            await start("server", port)
            writer, writer_port = "server", port
            if is_queued:
                writer, writer_port = "worker", free_port()
                await start(writer, writer_port)

            async def kill() -> None:
                await processes[writer].kill()

            async def revive() -> None:
                await start(writer, writer_port)

            url = f"http://127.0.0.1:{port}/magento/webhook"
            yield Pipe(url, secret, org.url, kill, revive)


async def story(pipe: Pipe, seconds: float) -> dict[str, float]:
    """Send orders, hurt the pipe twice, wait until nothing moves any more, and judge."""
    async with OrgRemote(pipe.org_url) as org:
        await org.change(latency_ms=CALL_MS, history_limit=HISTORY_LIMIT)
        load = Load(pipe.webhook_url, pipe.secret, rate_per_second=RATE, customers=500)
        async with load:
            load.start()
            await asyncio.sleep(seconds / 3)
            fault = await org.arm(dict(STORM))
            await asyncio.sleep(seconds * STORM_SHARE)
            await org.disarm(fault)
            await asyncio.sleep(seconds * (1 / 3 - STORM_SHARE))
            await pipe.kill()
            await pipe.revive()
            await asyncio.sleep(seconds / 3)
            await load.stop()
            await _settled(org)
            memory, calls = await memory_of(org), (await org.calls())["total"]
            newest = newest_accepted(load.deliveries)
            due = [delivery.due for delivery in load.deliveries]
            return {
                "lost": len(lost_orders(newest, memory.held)),
                "twins": memory.duplicates,
                "stale": stale_writes(memory.writes) + memory.stale_of_customers,
                "calls": 1000 * calls / max(1, len(load.deliveries)),
                "ack": 1000 * ack_percentile(load.deliveries, (min(due), max(due)), 99),
            }


async def _settled(org: OrgRemote) -> None:
    """Return when the org has had no call for a while."""
    last, quiet, waited = -1, 0.0, 0.0
    while quiet < QUIET_SECONDS and waited < MOST_SETTLE_SECONDS:
        await asyncio.sleep(1.0)
        calls = (await org.calls())["total"]
        quiet, last, waited = (quiet + 1 if calls == last else 0.0), calls, waited + 1


SUBJECTS = {
    "Express": lambda directory: express(directory, is_queued=False),
    "Express and BullMQ": lambda directory: express(directory, is_queued=True),
    "orderstream": ours,
}
FIGURES = {
    "lost": ("orders lost, or left in an old state", ""),
    "twins": ("duplicate records", ""),
    "stale": ("old states written over newer ones", ""),
    "calls": ("calls", "per 1,000 webhooks"),
    "ack": ("p99 of the answer to the store", "ms"),
}


async def measure(options: argparse.Namespace) -> Section:
    """Run the story on every subject that can run here."""
    section = Section("against_blueprint", "Beside the blueprint", TEXT)
    for name, subject in SUBJECTS.items():
        with tempfile.TemporaryDirectory() as directory:
            try:
                async with subject(Path(directory)) as pipe:
                    found = await story(pipe, options.seconds)
            except NotHereError as error:
                section.remarks.append(f"{name}: {error}")
                continue
        for key, (what, unit) in FIGURES.items():
            held = {"most": 0} if name == "orderstream" and not unit else {}
            section.add(f"{name}: {what}", unit, [found[key]], **held)
    return section


TEXT = (
    "The blueprint's own way (`bench/blueprint/`: look for the order, then create or update it; "
    "five tries) and orderstream, each against a simulated org of its own that takes 80 ms a call: "
    "20 webhooks a second, every order saved three times, 503 for some seconds, kill -9 of "
    "whatever calls Salesforce."
)


def main() -> None:
    options = options_of(__doc__, seconds=45, runs=1)
    run(measure, options)


if __name__ == "__main__":
    main()
