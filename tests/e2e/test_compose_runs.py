"""The compose file's processes with their commands, variables and health checks, without Docker."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from support.compose_file import ROOT, SECRET, load_compose, read_env, seconds

from sandbox.ports import free_port
from sandbox.processes import Process, Processes, orderstream

pytestmark = [pytest.mark.proof, pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(300)]

READY_SECONDS = 90


class Compose:
    """docker-compose.yml on this machine: container names, ports and folders become local ones."""

    def __init__(self, bootstrap_servers: str, prefix: str, directory: Any) -> None:
        demo = read_env(ROOT / "deploy/demo.env")
        self.services = load_compose({**SECRET, **demo})["services"]
        self._demo = {**demo, "KAFKA_TOPIC_PREFIX": prefix, "KAFKA_PARTITIONS": "2"}
        self._ports = {
            ("ingress", "8080"): free_port(),
            ("simulator", "8090"): free_port(),
            ("worker", "9100"): free_port(),
            ("relay", "9100"): free_port(),
        }
        self._local = {"kafka:19092": bootstrap_servers, "0.0.0.0": "127.0.0.1"}  # noqa: S104
        for (host, port), local in self._ports.items():
            self._local[f"{host}:{port}"] = f"127.0.0.1:{local}"
        for folder in ("config", "state", "tokens"):
            (directory / folder).mkdir()
            self._local[f"/{folder}"] = str(directory / folder)

    def localize(self, text: str, service: str) -> str:
        """Return a command word or a value as it must be here instead of in the container."""
        for there, here in self._local.items():
            text = text.replace(there, here)
        for (name, port), local in self._ports.items():
            if name == service and not text.startswith("http"):
                text = text.replace(port, str(local))
        return text

    def environment(self, name: str) -> dict[str, str]:
        given = {**self._demo, **self.services[name].get("environment", {})}
        return {key: self.localize(str(value), name) for key, value in given.items()}

    def command(self, name: str) -> tuple[str, ...]:
        service = self.services[name]
        words = [self.localize(word, name) for word in service["command"]]
        if "entrypoint" in service:
            return (sys.executable, *service["entrypoint"][1:], *words)
        return orderstream(*words)

    async def is_healthy(self, name: str) -> bool:
        script = self.services[name]["healthcheck"]["test"][-1]
        for (service, port), local in self._ports.items():
            if service == name:
                script = script.replace(f":{port}/", f":{local}/")
        check = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stderr=asyncio.subprocess.DEVNULL
        )
        return await check.wait() == 0


@pytest.fixture
def compose(bootstrap_servers, topic_prefix, tmp_path):
    return Compose(bootstrap_servers, topic_prefix, tmp_path)


async def start(compose: Compose, processes: Processes, name: str) -> None:
    async def ready(_process: Process) -> bool:
        return await compose.is_healthy(name)

    await processes.start(
        name,
        *compose.command(name),
        env=compose.environment(name),
        ready=ready,
        ready_timeout_seconds=READY_SECONDS,
    )


async def run(compose: Compose, processes: Processes, name: str, *command: str) -> Process:
    process = processes.spawn(name, *command, env=compose.environment("worker"))
    async with asyncio.timeout(READY_SECONDS):
        while process.is_running:
            await asyncio.sleep(0.05)
    return process


async def audit(compose: Compose, processes: Processes) -> dict[str, Any]:
    process = await run(compose, processes, "audit", *orderstream("audit", "--json"))
    text = process.output
    return json.loads(text[text.index("{") :])


async def test_docker_compose_up_carries_the_demos_orders_and_down_loses_nobody(compose, tmp_path):
    async with Processes(tmp_path / "run") as processes:
        topics = await run(compose, processes, "topics", *compose.command("topics"))
        assert topics.returncode == 0, topics.log_tail()
        for name in ("simulator", "ingress", "worker", "relay"):
            await start(compose, processes, name)

        command = [word.replace("=100", "=8") for word in compose.command("store")]
        store = processes.spawn("store", *command, env=compose.environment("store"))
        async with asyncio.timeout(READY_SECONDS):
            while store.is_running:
                await asyncio.sleep(0.05)
        assert store.returncode == 0, store.log_tail()

        async with asyncio.timeout(READY_SECONDS):
            while (report := await audit(compose, processes))["total"]["pending"]:
                await asyncio.sleep(0.5)
        assert report["ok"] is True
        assert report["total"]["accepted"] > 8
        assert report["total"]["synced"] >= 8

        for name in ("ingress", "worker", "relay"):
            grace = seconds(compose.services[name]["stop_grace_period"])
            await processes[name].stop(timeout_seconds=grace)
            assert processes[name].returncode == 0, processes[name].log_tail()
