"""Processes by name: start, wait until ready, stop, kill, freeze, and read their logs.

The demo, the end-to-end and chaos tests and the benchmarks run the product as its users do, as
separate processes with a command line and an environment. Three promises: nothing outlives the
`Processes` block, not even when this process is killed with -9 (`sandbox.tether`); a process that
dies while it is awaited is reported at once, with the end of its log; and nothing of the caller's
own settings leaks into a child: children see only `KEPT_VARIABLES` and what they are given.

    async with Processes(run_directory) as processes:
        await processes.start("ingress", *orderstream("ingress"), env=env, ready=answers(url))
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Self

import aiohttp

from sandbox.process import POLL_SECONDS, STOP_TIMEOUT_SECONDS, Process, ProcessError

PROJECT_DIRECTORY = Path(__file__).resolve().parent.parent

# What a child needs of its surroundings; everything else, settings above all, is given.
KEPT_VARIABLES = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV"),
    *("JAVA_HOME", "MAVEN_OPTS", "MAVEN_ARGS", "XDG_CACHE_HOME", "DOCKER_HOST"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)

READY_TIMEOUT_SECONDS = 60.0


def surroundings() -> dict[str, str]:
    """Return what a child may see of our own environment."""
    return {key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ}


Ready = Callable[[Process], Awaitable[bool]]


def answers(url: str) -> Ready:
    """Ready when a GET of the URL answers 200."""
    timeout = aiohttp.ClientTimeout(total=2)

    async def is_ready(_process: Process) -> bool:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            try:
                async with session.get(url) as response:
                    return response.status == 200  # noqa: PLR2004 - HTTP OK
            except (aiohttp.ClientError, TimeoutError):
                return False

    return is_ready


def logs(pattern: str) -> Ready:
    """Ready when its output has a line that matches the regular expression."""
    expression = re.compile(pattern, re.MULTILINE)

    async def is_ready(process: Process) -> bool:
        return expression.search(process.output) is not None

    return is_ready


def orderstream(*arguments: str) -> tuple[str, ...]:
    """Return the command line of an `orderstream` command, as this interpreter runs it."""
    return (sys.executable, "-m", "cli", *arguments)


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line of `python -m name`."""
    return (sys.executable, "-m", name, *arguments)


class Processes:
    """The processes of one run. `directory` gets a log per name and is their working directory.

    They do not run in the caller's directory because a `.env` there holds somebody's real settings.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._all: dict[str, Process] = {}

    async def __aenter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop_all()

    def __getitem__(self, name: str) -> Process:
        return self._all[name]

    def __contains__(self, name: str) -> bool:
        return name in self._all

    @property
    def running(self) -> list[Process]:
        return [process for process in self._all.values() if process.is_running]

    async def start(
        self,
        name: str,
        *argv: str,
        env: Mapping[str, str] | None = None,
        ready: Ready | None = None,
        ready_timeout_seconds: float = READY_TIMEOUT_SECONDS,
    ) -> Process:
        """Start a process and return it when it is ready.

        Raises ProcessError when it ends before, or is not ready in time (it is killed then), and
        ValueError when a process of this name is still running.
        """
        process = self.spawn(name, *argv, env=env)
        if ready is not None:
            await self.wait_ready(process, ready, timeout_seconds=ready_timeout_seconds)
        return process

    def spawn(self, name: str, *argv: str, env: Mapping[str, str] | None = None) -> Process:
        """Start a process without waiting for it."""
        if name in self._all and self._all[name].is_running:
            raise ValueError(f"{name} is already running as {self._all[name].pid}")
        own = {"PYTHONPATH": str(PROJECT_DIRECTORY), "PYTHONUNBUFFERED": "1"}
        process = Process(
            name=name,
            argv=argv,
            env=surroundings() | own | dict(env or {}),
            log_path=self.directory / f"{name}.log",
            cwd=self.directory,
        )
        self._all[name] = process
        return process

    async def wait_ready(
        self, process: Process, ready: Ready, *, timeout_seconds: float = READY_TIMEOUT_SECONDS
    ) -> None:
        """Return when the process is ready; raises ProcessError as `start` does."""
        deadline = time.monotonic() + timeout_seconds
        while not await ready(process):
            if not process.is_running:
                raise ProcessError(process, f"ended with exit code {process.returncode}")
            if time.monotonic() > deadline:
                await process.kill()
                raise ProcessError(process, f"was not ready after {timeout_seconds:.0f} s")
            await asyncio.sleep(POLL_SECONDS)

    async def restart(
        self, name: str, *, ready: Ready | None = None, timeout_seconds: float | None = None
    ) -> Process:
        """Start a stopped or killed process again with the same command and environment."""
        old = self._all[name]
        process = Process(name, old.argv, old.env, old.log_path, old.cwd)
        self._all[name] = process
        if ready is not None:
            await self.wait_ready(
                process, ready, timeout_seconds=timeout_seconds or READY_TIMEOUT_SECONDS
            )
        return process

    async def first_death(self) -> Process:
        """Return the first process that ended without being stopped; waits until there is one."""
        while True:
            for process in self._all.values():
                if not process.is_stopping and not process.is_running:
                    return process
            await asyncio.sleep(POLL_SECONDS)

    def kill_all(self) -> None:
        """End every process at once, without waiting for it."""
        for process in self.running:
            process.is_stopping = True
            process.send_signal(signal.SIGKILL)

    async def stop_all(
        self, *, but: str = "", timeout_seconds: float = STOP_TIMEOUT_SECONDS
    ) -> None:
        """Stop every process, the last started first, so that nobody loses who it talks to."""
        for name, process in reversed(list(self._all.items())):
            if name != but:
                await process.stop(timeout_seconds=timeout_seconds)
