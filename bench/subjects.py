"""The servers that the ingress is compared with, as processes that are ready to take orders."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.ports import free_port
from sandbox.processes import Processes, answers, module, orderstream

BLUEPRINT = Path(__file__).parent / "blueprint"
NPM_SECONDS = 180
TOOLS = {"node": "node", "npm": "npm", "redis-server": "redis-server"}


class NotHereError(Exception):
    """A subject cannot run on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A server under load. `pids` are its processes, what it stores in excluded."""

    name: str
    port: int
    pids: dict[str, int]


@asynccontextmanager
async def ours(
    processes: Processes, env: dict[str, str], *, count: int = 1, is_fast: bool = True
) -> AsyncIterator[Subject]:
    """Run `orderstream ingress` with so many processes; not `is_fast`: without its fast path."""
    name, port = f"ours, {_processes(count)}", free_port()
    arguments = ("ingress", "--port", str(port), "--workers", str(count))
    command = orderstream(*arguments)
    if not is_fast:
        name = f"{name}, no fast path"
        command = module("bench.ingress_without_fast_path", *arguments)
    process = await processes.start(
        name.replace(", ", "-").replace(" ", "-"),
        *command,
        env=env,
        ready=answers(f"http://127.0.0.1:{port}/readyz"),
    )
    yield Subject(name, port, {name: process.pid})


@asynccontextmanager
async def prototype(
    processes: Processes, secret_file: Path, bootstrap_servers: str, *, count: int = 1
) -> AsyncIterator[Subject]:
    """Run the prototype, without Kafka when there are no servers."""
    kind = "prototype" if bootstrap_servers else "bare server"
    name, port = f"{kind}, {_processes(count)}", free_port()
    arguments = ["--port", str(port), "--secret-file", str(secret_file)]
    if bootstrap_servers:
        arguments += ["--bootstrap-servers", bootstrap_servers]
    pids = {}
    for number in range(count):
        process = await processes.start(
            f"{kind.split(maxsplit=1)[0]}-{count}-{number}",
            *module("bench.prototype_ingress", *arguments),
            ready=answers(f"http://127.0.0.1:{port}/readyz"),
        )
        pids[f"{name} {number}"] = process.pid
    yield Subject(name, port, pids)


@asynccontextmanager
async def blueprint(processes: Processes, secret_file: Path) -> AsyncIterator[Subject]:
    """Run Express, BullMQ and Redis. Raises NotHereError where they cannot be had."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise NotHereError(f"not installed here: {', '.join(missing)}")
    install_blueprint()
    redis_port, port = free_port(), free_port()
    redis = processes.spawn(
        "redis",
        *("redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""),
        *("--appendonly", "yes", "--maxmemory-policy", "noeviction"),
    )
    server = await processes.start(
        "blueprint",
        *("node", str(BLUEPRINT / "server.mjs"), str(port), str(redis_port), str(secret_file)),
        ready=answers(f"http://127.0.0.1:{port}/readyz"),
    )
    name = "Express and BullMQ"
    yield Subject(name, port, {name: server.pid, "Redis": redis.pid})


def install_blueprint() -> None:
    if (BLUEPRINT / "node_modules" / "ioredis").exists():
        return
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
    try:
        subprocess.run(  # noqa: S603 - the command is ours
            command, cwd=BLUEPRINT, check=True, capture_output=True, timeout=NPM_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotHereError(f"npm could not install Express and BullMQ: {error}") from None


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"
