"""The demo from start to end: processes up, the story told, the books closed, processes down."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
import time
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from cli.console.terminal import CleanConsole
from cli.demo.broker import BROKER, demo_broker
from cli.demo.environment import command_line, write_environment
from cli.demo.orders import DemoOrders, write_story
from cli.demo.outcomes import Outcomes
from cli.demo.report_data import ReportData
from cli.demo.scenario import DemoError, play
from sandbox.broker import BrokerError, Source
from sandbox.magento.sender import curl
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline
from sandbox.process import ProcessError
from sandbox.processes import Processes
from stream.config import Settings, load_settings
from stream.errors import StreamError
from stream.kafka.topic_admin import TopicAdmin

T = TypeVar("T")

RUNS_DIRECTORY = Path(".orderstream") / "demo"
KEPT_RUNS = 5
PLAIN_WIDTH = 110
CONNECTION_SETTINGS = ("kafka_security", "kafka_sasl", "kafka_ssl", "kafka_replication")
SHARED_SETTINGS = ("KAFKA_", "RETRY_")

# Short, so that a retry comes back while somebody watches.
DEMO_ENV = {
    "RETRY_DELAYS": "1s,2s,4s,8s",
    "KAFKA_PARTITIONS": "4",
    "WORKER_STOP_DEADLINE_SECONDS": "8",
    "SALESFORCE_CALLS_PER_SECOND": "50",
    "LOG_FORMAT": "console",
}


@dataclass(slots=True)
class Demo:
    """One run. `run` returns whether the books balance and both sides agree."""

    orders: int
    workers: int = 1
    brokers: int = 1
    seed: int = 1
    keep: bool = False
    org_profile: str = "plain"
    store: str = "plain"
    directory: Path | None = None

    async def run(self) -> bool:
        """Run it; CancelledError on Ctrl-C, after everything was stopped."""
        console = CleanConsole(highlight=False)
        if not console.is_terminal:
            console.width = max(console.width, PLAIN_WIDTH)
        directory = self.directory or new_run_directory(RUNS_DIRECTORY)
        async with Processes(directory) as processes:
            stop_on_signals(processes)
            try:
                return await until_death(processes, self._perform(console, processes))
            except (ProcessError, BrokerError, StreamError, DemoError) as error:
                console.print(Text(f"demo: {error}", style="red"))
                return False

    async def _perform(self, console: Console, processes: Processes) -> bool:
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            console.print(f"logs: {processes.directory}")
            servers, source = await stack.enter_async_context(
                demo_broker(processes, brokers=self.brokers)
            )
            ready = _Announcer(console, began)
            ready("broker", servers)
            env = DEMO_ENV | broker_env(source, brokers=self.brokers)
            settings = settings_of(servers, env)
            if source is Source.GIVEN:
                stack.push_async_callback(delete_topics, settings)
            # Before the broker goes: who stops without one waits for its deadline.
            stack.push_async_callback(processes.stop_all, but=BROKER)
            pipeline = await start_pipeline(
                processes, servers, self.workers, env, ready, org_profile=self.org_profile
            )
            story = write_story(self.orders, self.seed, self.store)
            console.print(story.summary)
            async with OrgRemote(pipeline.salesforce_url) as org, Outcomes(settings) as outcomes:
                receipts = await play(console, pipeline, story, org, outcomes)
                books = await ReportData.open(story, receipts, outcomes, org, settings)
            books.show(console)
            console.print(f"took {time.monotonic() - began:.1f} s")
            if self.keep:
                await stay(console, pipeline, story, source, servers)
            return books.is_good


def broker_env(source: Source, *, brokers: int = 1) -> dict[str, str]:
    """Return how the processes reach the broker: a given one by your own KAFKA_… variables."""
    if source is not Source.GIVEN:
        return {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "KAFKA_REPLICATION_FACTOR": str(brokers)}
    yours = load_settings(env_file=None)
    env = {"KAFKA_TOPIC_PREFIX": f"demo-{secrets.token_hex(4)}."}
    for name in yours.model_fields_set:
        value = getattr(yours, name)
        if name.startswith(CONNECTION_SETTINGS):
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            env[name.upper()] = str(plain)
    return env


def settings_of(servers: str, env: Mapping[str, str]) -> Settings:
    """Return the settings the demo itself reads the topics with: the same as its processes'."""
    same = {name.lower(): value for name, value in env.items() if name.startswith(SHARED_SETTINGS)}
    return load_settings(env_file=None, kafka_bootstrap_servers=servers, **same)


async def stay(
    console: Console, pipeline: Pipeline, story: DemoOrders, source: Source, servers: str
) -> None:
    """Say where everything is and how to send an order by hand, and wait for Ctrl-C."""
    body = pipeline.processes.directory / "order.json"
    body.write_bytes(story.next_order.body)
    url, password = await pipeline.start_dashboard()
    console.print(f"\neverything is up until Ctrl-C (Kafka: {source.value})")
    console.print(f"look at it: {url}  any name, password {password}", soft_wrap=True)
    urls = {
        "Salesforce": pipeline.salesforce_url,
        "webhook": pipeline.webhook_url,
        "Kafka": servers,
        **{f"{name} metrics": f"{url}/metrics" for name, url in pipeline.status_urls.items()},
    }
    for name, url in urls.items():
        console.print(f"  {name:<18} {url}", soft_wrap=True)
    console.print("one more order, signed:")
    print(curl(pipeline.webhook_url, body, pipeline.secret), flush=True)
    settings = write_environment(pipeline.processes.directory, pipeline.env)
    console.print("any command, with the demo's settings (trace, dlq, lag, doctor --live, …):")
    print(command_line(settings, "audit"), flush=True)
    await asyncio.Event().wait()


async def start_pipeline(
    processes: Processes,
    servers: str,
    workers: int,
    env: dict[str, str],
    ready: _Announcer,
    *,
    org_profile: str = "plain",
) -> Pipeline:
    try:
        return await Pipeline.start(
            processes,
            bootstrap_servers=servers,
            workers=workers,
            org_profile=org_profile,
            env=env,
            on_ready=ready,
        )
    except* ProcessError as group:
        raise group.exceptions[0] from None


async def until_death(processes: Processes, work: Coroutine[Any, Any, T]) -> T:
    """Return the work's result; raises ProcessError as soon as a process dies meanwhile."""
    working = asyncio.create_task(work)
    watching = asyncio.create_task(processes.first_death())
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        dead = watching.result()
        raise ProcessError(dead, f"ended with exit code {dead.returncode}")
    finally:
        watching.cancel()
        working.cancel()
        await asyncio.wait({working})


def stop_on_signals(processes: Processes) -> None:
    """Turn Ctrl-C, SIGTERM and a closed terminal into a cancelled task; a second one is a kill."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    is_first = True

    def interrupt() -> None:
        nonlocal is_first
        if is_first:
            task.cancel()
        else:
            processes.kill_all()
        is_first = False

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, interrupt)


async def delete_topics(settings: Settings) -> None:
    """Remove the demo's topics from a broker that is not the demo's own."""
    async with TopicAdmin(settings) as admin:
        await admin.delete([spec.name for spec in settings.topics.specs()])


def new_run_directory(parent: Path) -> Path:
    """Return a new directory for a run's logs; only the newest runs are kept."""
    parent.mkdir(parents=True, exist_ok=True)
    runs = sorted(path for path in parent.iterdir() if path.is_dir())
    for old in runs[: max(0, len(runs) - KEPT_RUNS + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    directory = parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    directory.mkdir()
    return directory.resolve()


@dataclass(slots=True)
class _Announcer:
    console: Console
    began: float

    def __call__(self, name: str, url: str) -> None:
        self.console.print(f"  ✓ {name:<12} {url:<44} {time.monotonic() - self.began:5.1f} s")
