"""The whole pipe as its users run it: simulator, topics, ingress, workers and relay as processes.

Everything by command line and environment, on free ports, with secrets made for this run. The
broker is the caller's. Used by the demo, the end-to-end stories, the chaos runs and the benchmarks.

    async with Processes(directory) as processes:
        pipeline = await Pipeline.start(processes, bootstrap_servers=servers)
        … post to pipeline.webhook_url, signed with pipeline.secret …
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.ports import free_port
from sandbox.process import Process, ProcessError
from sandbox.processes import Processes, Ready, answers, module, orderstream
from sandbox.salesforce.keys import make_key_pair
from sandbox.salesforce.server import CONSUMER_KEY, USERNAME

TOPICS_TIMEOUT_SECONDS = 60.0

SALESFORCE, INGRESS, RELAY, TOPICS = "salesforce", "ingress", "relay", "topics"
DASHBOARD, WORKER = "dashboard", "worker"


def worker_name(number: int) -> str:
    """Return the process name (and WORKER_ID) of worker 1, 2, …"""
    return f"worker-{number}"


@dataclass(slots=True)
class Pipeline:
    """A running pipe. `env` is what every process of the product was given.

    `own_env`: what a process is given besides, by its name; workers are WORKER together.
    """

    processes: Processes
    env: dict[str, str]
    secret: str = field(repr=False)
    salesforce_url: str
    ingress_url: str
    workers: int
    org_profile: str = "plain"
    status_urls: dict[str, str] = field(default_factory=dict)
    own_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def webhook_url(self) -> str:
        return f"{self.ingress_url}/magento/webhook"

    @classmethod
    async def start(
        cls,
        processes: Processes,
        *,
        bootstrap_servers: str,
        workers: int = 1,
        org_profile: str = "plain",
        env: Mapping[str, str] | None = None,
        own_env: Mapping[str, Mapping[str, str]] | None = None,
        on_ready: Callable[[str, str], None] = lambda _name, _url: None,
    ) -> Pipeline:
        """Start everything and return when it is ready; `on_ready(name, url)` as parts get there.

        `env` wins over what is set here. Raises ProcessError with the log of what failed.
        """
        salesforce_port, ingress_port = free_port(), free_port()
        private_key, public_key = make_key_pair(processes.directory)
        salesforce_url = f"http://127.0.0.1:{salesforce_port}"
        secret = secrets.token_hex(32)
        given = {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "KAFKA_PARTITIONS": "8",
            "MAGENTO_WEBHOOK_SECRET": secret,
            "OPERATOR_SIGNING_KEY": secrets.token_hex(32),
            "SALESFORCE_CLIENT_ID": CONSUMER_KEY,
            "SALESFORCE_USERNAME": USERNAME,
            "SALESFORCE_PRIVATE_KEY_PATH": str(private_key),
            "SALESFORCE_LOGIN_URL": salesforce_url,
            "SALESFORCE_INSECURE_URL": salesforce_url,
            "INGRESS_PORT": str(ingress_port),
            "STATE_DIRECTORY": str(processes.directory / "state"),
            "WORKER_COUNT": str(workers),
        }
        pipeline = cls(
            processes=processes,
            env=given | dict(env or {}),
            secret=secret,
            salesforce_url=salesforce_url,
            ingress_url=f"http://127.0.0.1:{ingress_port}",
            workers=workers,
            org_profile=org_profile,
            own_env=own_env or {},
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(pipeline._start_salesforce(salesforce_port, public_key, on_ready))
            group.create_task(pipeline._apply_topics(on_ready))
        await pipeline.start_product(on_ready)
        return pipeline

    async def start_product(
        self, on_ready: Callable[[str, str], None] = lambda _name, _url: None
    ) -> None:
        """Start ingress, relay and workers on topics and an org that are there."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._start_ingress(on_ready))
            group.create_task(self._start_with_status(RELAY, orderstream("relay"), on_ready))
            for number in range(1, self.workers + 1):
                group.create_task(self.start_worker(number, on_ready))

    async def start_worker(
        self, number: int, on_ready: Callable[[str, str], None] = lambda _name, _url: None
    ) -> Process:
        """Start (one more) worker and return it when it has its partitions."""
        name = worker_name(number)
        command = orderstream("worker", "--worker-id", name)
        return await self._start_with_status(name, command, on_ready)

    async def start_dashboard(self) -> tuple[str, str]:
        """Start the dashboard on the metrics of all processes; return its URL and password."""
        port, password = free_port(), secrets.token_urlsafe(15)
        url = self.status_urls[DASHBOARD] = f"http://127.0.0.1:{port}"
        metrics = [f"{there}/metrics" for name, there in self.status_urls.items() if there != url]
        env = self.env_of(DASHBOARD) | {
            "DASHBOARD_PORT": str(port),
            "DASHBOARD_OPERATOR_PASSWORD": password,
            "DASHBOARD_METRICS_URLS": ",".join(metrics),
        }
        command = orderstream("dashboard")
        await self.processes.start(DASHBOARD, *command, env=env, ready=self._ready(DASHBOARD))
        return url, password

    async def restart(self, name: str) -> Process:
        """Start a stopped or killed process of the pipe again, on the same ports."""
        return await self.processes.restart(name, ready=self._ready(name))

    def env_of(self, name: str) -> dict[str, str]:
        """Return what the process of a name is given."""
        kind = WORKER if name.startswith(f"{WORKER}-") else name
        return self.env | dict(self.own_env.get(kind, {}))

    def _ready(self, name: str) -> Ready:
        if name == SALESFORCE:
            return answers(f"{self.salesforce_url}/services/data")
        return answers(f"{self.status_urls[name]}/readyz")

    async def _start_salesforce(
        self, port: int, public_key: Path, on_ready: Callable[[str, str], None]
    ) -> None:
        arguments = ["--port", str(port), "--jwt-public-key", str(public_key)]
        command = module("sandbox.salesforce", *arguments, "--profile", self.org_profile)
        await self.processes.start(SALESFORCE, *command, ready=self._ready(SALESFORCE))
        on_ready(SALESFORCE, self.salesforce_url)

    async def _apply_topics(self, on_ready: Callable[[str, str], None]) -> None:
        process = self.processes.spawn(
            TOPICS, *orderstream("topics", "apply"), env=self.env_of(TOPICS)
        )
        process.is_stopping = True  # it is meant to end
        code = await process.wait(timeout_seconds=TOPICS_TIMEOUT_SECONDS)
        if code != 0:
            raise ProcessError(process, f"ended with exit code {code}")
        on_ready(TOPICS, "")

    async def _start_ingress(self, on_ready: Callable[[str, str], None]) -> None:
        self.status_urls[INGRESS] = self.ingress_url
        env, command = self.env_of(INGRESS), orderstream("ingress")
        await self.processes.start(INGRESS, *command, env=env, ready=self._ready(INGRESS))
        on_ready(INGRESS, self.webhook_url)

    async def _start_with_status(
        self, name: str, command: tuple[str, ...], on_ready: Callable[[str, str], None]
    ) -> Process:
        port = free_port()
        self.status_urls[name] = f"http://127.0.0.1:{port}"
        env = self.env_of(name) | {"STATUS_PORT": str(port)}
        process = await self.processes.start(name, *command, env=env, ready=self._ready(name))
        on_ready(name, self.status_urls[name])
        return process
