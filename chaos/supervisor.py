"""What a service manager does: starts a process again that ended by itself, and counts."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

from sandbox.processes import Processes

PAUSE_SECONDS = 0.5
MOST_RESTARTS = 60


class Supervisor:
    """Watches every process of a run. `restarts`: process name → count; `exits`: code → count."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self.restarts: Counter[str] = Counter()
        self.exits: Counter[int] = Counter()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop watching: what ends from now on stays down."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while self.restarts.total() < MOST_RESTARTS:
            dead = await self._processes.first_death()
            self.restarts[dead.name] += 1
            self.exits[dead.returncode or 0] += 1
            await asyncio.sleep(PAUSE_SECONDS)
            if self._processes[dead.name] is dead:
                await self._processes.restart(dead.name)
