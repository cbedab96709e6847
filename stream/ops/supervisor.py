"""Several processes of one kind under one parent: restarted when they die, stopped together.

A child tells that it is ready by one line on its standard output. Its standard input is a pipe that
ends when this process does, however it dies, so that a child never outlives its supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence

import structlog

from stream.backoff import Backoff
from stream.ops.background import set_within

log = structlog.get_logger()

RESTART = Backoff(first_seconds=0.5, cap_seconds=30.0)
# A child that lived this long was well: its next death starts the backoff anew.
HEALTHY_SECONDS = 60.0
# Settings are wrong or usage is: a restart cannot cure that.
EXIT_USAGE = 2


class Supervisor:
    """Runs `count` children of one command until it is told to stop, or one of them gives up."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        count: int,
        environment: Mapping[str, str],
        stop_seconds: float,
        on_ready: Callable[[list[int]], None],
        on_death: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        """`on_ready` gets the process ids once all are ready; `on_death` each one that ended."""
        self._command = command
        self._count = count
        self._environment = environment
        self._stop_seconds = stop_seconds
        self._on_ready = on_ready
        self._on_death = on_death
        self._stopping = asyncio.Event()
        self._ready: dict[int, int] = {}
        self._is_announced = False
        self.exit_code = 0

    def stop(self) -> None:
        """Send every child SIGTERM, and SIGKILL to those that take longer than `stop_seconds`."""
        self._stopping.set()

    async def run(self) -> int:
        """Return the exit code, after every child has ended."""
        async with asyncio.TaskGroup() as group:
            for slot in range(self._count):
                group.create_task(self._keep_one(slot))
        return self.exit_code

    async def _keep_one(self, slot: int) -> None:
        loop = asyncio.get_running_loop()
        deaths = 0
        while not self._stopping.is_set():
            started = loop.time()
            code = await self._run_one(slot)
            if self._stopping.is_set():
                return
            if code == EXIT_USAGE:
                self.exit_code = EXIT_USAGE
                self.stop()
                return
            deaths = 1 if loop.time() - started >= HEALTHY_SECONDS else deaths + 1
            pause_seconds = RESTART.seconds(deaths)
            log.error("child_died", code=code, restart_in_seconds=pause_seconds)
            await set_within(self._stopping, pause_seconds)

    async def _run_one(self, slot: int) -> int:
        """Start one child and return its exit code when it has ended."""
        child = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, env=dict(self._environment)
        )
        watching = asyncio.create_task(self._watch_output(slot, child))
        ending = asyncio.create_task(child.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                await self._end(child, ending)
        finally:
            stopping.cancel()
            self._ready.pop(slot, None)
            self._on_death(child.pid)
        await watching
        return await ending

    async def _end(self, child: Process, ending: asyncio.Task[int]) -> None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
        done, _ = await asyncio.wait({ending}, timeout=self._stop_seconds)
        if not done:
            log.warning("child_killed", pid=child.pid, seconds=self._stop_seconds)
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await ending

    async def _watch_output(self, slot: int, child: Process) -> None:
        """Take the first line as 'ready' and read the rest away, so that nothing blocks."""
        assert child.stdout is not None
        if await child.stdout.readline():
            self._ready[slot] = child.pid
            if len(self._ready) == self._count and not self._is_announced:
                self._is_announced = True
                self._on_ready([self._ready[slot] for slot in sorted(self._ready)])
            else:
                log.info("child_ready", pid=child.pid)
        while await child.stdout.read(1024):
            pass
