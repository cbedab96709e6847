"""Runs one scenario: pipe up, load on, hurt it, let it recover, load off, judge. Thin shell."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiokafka.errors import KafkaError

from chaos.balance import count_topics
from chaos.card import Card
from chaos.links import Links
from chaos.load import Load
from chaos.org_view import memory_of
from chaos.product import ProductError, settled_books
from chaos.scenario import QUICK_ENV, NotHereError, Scenario
from chaos.stage import Stage
from chaos.supervisor import Supervisor
from chaos.verdict import Expectation, Figures, Run, judge
from sandbox.broker import Broker, BrokerError, Cluster
from sandbox.magento.numbered import numbered_webhook
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline
from sandbox.process import ProcessError
from sandbox.processes import Processes
from stream.config import Settings, load_settings

WARM_UP_SECONDS = 3.0
COOL_DOWN_SECONDS = 5.0
HISTORY_LIMIT = 500_000
SHARED_SETTINGS = ("KAFKA_", "RETRY_")


async def perform(
    scenario: Scenario, directory: Path, *, scale: float = 1.0, bootstrap_servers: str = ""
) -> Card:
    """Run a scenario and return its card; `directory` keeps the logs of a run that broke.

    With `bootstrap_servers` a scenario that leaves the broker alone uses that one. A scenario that
    this machine cannot run, and a pipe that does not start, make a card that says so.
    """
    began = time.monotonic()
    at = datetime.now(UTC)
    try:
        figures, broken, seen = await _judged(scenario, directory, scale, bootstrap_servers)
    except NotHereError as error:
        return Card(scenario.name, scenario.story, at, skipped=f"not here: {error}")
    except (ProcessError, BrokerError, ProductError, KafkaError, OSError, ExceptionGroup) as error:
        figures, broken, seen = None, [_cause(error)], {}
    seconds = time.monotonic() - began
    card = Card(
        *(scenario.name, scenario.story, at, seconds, figures, tuple(broken), seen), scale=scale
    )
    if card.is_good:
        shutil.rmtree(directory, ignore_errors=True)
    return card


def _cause(error: Exception) -> str:
    """Return the first error inside a group, with its kind."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


async def _judged(
    scenario: Scenario, directory: Path, scale: float, servers: str
) -> tuple[Figures, list[str], dict[str, int]]:
    async with (
        _stage(scenario, directory, scale, servers) as stage,
        asyncio.timeout(scenario.run_seconds),
    ):
        stage.load.start()
        await asyncio.sleep(WARM_UP_SECONDS)
        await scenario.act(stage)
        await stage.rest(COOL_DOWN_SECONDS)
        while stage.load.accepted < scenario.least_accepted * scale:
            await asyncio.sleep(0.5)
        await stage.load.stop()
        run = await _observe(stage)
        figures, broken = judge(run, _expectation(scenario, stage))
        return figures, [*broken, *stage.complaints], dict(stage.seen)


async def _observe(stage: Stage) -> Run:
    """Wait until nothing moves any more, and write down what everybody knows."""
    recovery = await stage.recovery if stage.recovery else None
    books = await settled_books(stage.pipeline)
    stage.seen["restarts"] += stage.supervisor.restarts.total()
    for code, count in stage.supervisor.exits.items():
        stage.seen[f"exit {code}"] += count
    return Run(
        deliveries=stage.load.deliveries,
        org=await memory_of(stage.org),
        books=books,
        fault=stage.fault,
        recovery_seconds=recovery,
        seen=stage.seen,
        recount=await count_topics(stage.settings),
    )


def _expectation(scenario: Scenario, stage: Stage) -> Expectation:
    # What ended by itself had a batch in hand.
    at_risk = stage.batches_at_risk + stage.supervisor.restarts.total()
    stage.batches_at_risk = at_risk
    return Expectation(
        least_accepted=int(scenario.least_accepted * stage.scale),
        evidence={what: _scaled(least, stage) for what, least in scenario.evidence.items()},
        dead_orders=frozenset(stage.dead_orders),
        other_dead=stage.other_dead,
        most_redundant=stage.most_redundant,
        may_delete_unread=scenario.may_delete_unread,
        recovers_within_seconds=scenario.recovers_within_seconds,
        ack_p99_seconds=scenario.ack_p99_seconds,
    )


def _scaled(least: int, stage: Stage) -> int:
    return max(1, int(least * min(1.0, stage.scale)))


@asynccontextmanager
async def _stage(
    scenario: Scenario, directory: Path, scale: float, servers: str
) -> AsyncIterator[Stage]:
    """Start everything; stop everything, the broker last."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    directory = directory.resolve()
    env = QUICK_ENV | dict(scenario.env) | {"KAFKA_TOPIC_PREFIX": f"chaos-{secrets.token_hex(4)}."}
    env |= {"KAFKA_REPLICATION_FACTOR": str(scenario.brokers)}
    if scenario.env_of:
        env |= scenario.env_of(directory)
    async with AsyncExitStack() as stack:
        links = await stack.enter_async_context(Links())
        disk = (
            stack.enter_context(scenario.broker_disk(directory)) if scenario.broker_disk else None
        )
        broker = await _own_broker(scenario, disk, stack, links, servers)
        servers = broker.bootstrap_servers if broker else servers
        processes = await stack.enter_async_context(Processes(directory))
        pipeline = await Pipeline.start(
            processes, bootstrap_servers=servers, workers=scenario.workers, env=env
        )
        org = await stack.enter_async_context(OrgRemote(pipeline.salesforce_url))
        await org.change(
            history_limit=HISTORY_LIMIT,
            stale_rule=scenario.has_stale_rule,
            latency_ms=scenario.latency_ms,
        )
        load = await stack.enter_async_context(_load(scenario, pipeline))
        supervisor = Supervisor(processes)
        supervisor.start()
        stack.push_async_callback(supervisor.stop)
        settings = _settings(servers, env)
        yield Stage(
            *(pipeline, org, load, supervisor, settings, broker, scale),
            may_lose=scenario.may_delete_unread,
            links=links,
            own_disk=disk,
            is_undated=scenario.document is not numbered_webhook,
        )


async def _own_broker(
    scenario: Scenario, disk: Path | None, stack: AsyncExitStack, links: Links, servers: str
) -> Broker | Cluster | None:
    """Start the broker or the brokers that the scenario may hurt; None: it hurts none."""
    is_cluster = scenario.brokers > 1
    if servers and not (scenario.needs_own_broker or is_cluster):
        return None
    extra = scenario.broker_properties
    broker: Broker | Cluster
    if is_cluster:
        broker = await asyncio.to_thread(
            Cluster.start,
            brokers=scenario.brokers,
            extra_properties=extra,
            disks={1: disk / "data"} if disk else {},
            advertise=links.add if scenario.has_links else None,
        )
    else:
        broker = await asyncio.to_thread(Broker.start, disk, extra_properties=extra)
    stack.push_async_callback(asyncio.to_thread, broker.stop)
    return broker


def _load(scenario: Scenario, pipeline: Pipeline) -> Load:
    return Load(
        pipeline.webhook_url,
        pipeline.secret,
        rate_per_second=scenario.rate_per_second,
        customers=scenario.customers,
        document=scenario.document,
    )


def _settings(servers: str, env: dict[str, str]) -> Settings:
    """Return the settings to find the run's topics with."""
    same = {name.lower(): value for name, value in env.items() if name.startswith(SHARED_SETTINGS)}
    return load_settings(env_file=None, kafka_bootstrap_servers=servers, **same)
