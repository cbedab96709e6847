"""The watchdog: ends a worker that has stopped getting on while there is work.

Faust can stall silently and for good (kafka reference §1.5, §2.4), and its own lag numbers freeze
exactly then (§1.13). So the watchdog asks the broker: is there lag, and has the group's committed
position moved? An outage is no stall: with Kafka away there is no answer and no verdict, and a
worker that waits on purpose (breaker, quota) says so. Several calls fly at once, so a single event
that is stuck hides behind the others that get on: its own age is watched too, on a clock that
stands still while the worker waits on purpose. The process is ended without a commit; its
supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog

from agents.pacing.stall_clock import Progress
from agents.worker.shutdown import EXIT_STALLED
from stream.ops.alerts import Alert, Alerts
from stream.ops.background import set_within
from stream.ops.stop_signals import LAST_WORDS_SECONDS

log = structlog.get_logger()


CHECKS_PER_LIMIT = 6
# How much longer the event loop itself may be stuck before the thread ends the process.
LOOP_GRACE = 2.0


@dataclass(frozen=True, slots=True)
class GroupPosition:
    """What the broker says: committed offsets by (topic, partition), and the group's lag."""

    committed: Mapping[tuple[str, int], int]
    lag: int


@dataclass(slots=True)
class StallClock:
    """Decides from looks at the broker. Pure: time is passed in.

    Stalled: for the whole limit there was lag at every look, no member of the group committed
    anything, and this worker did not move.
    """

    limit_seconds: float
    _committed: Mapping[tuple[str, int], int] | None = None
    _since: float = 0.0

    def is_stalled(self, look: GroupPosition | None, still_seconds: float, now: float) -> bool:
        """Take in a look (None: the broker did not answer) and say whether this is a stall."""
        if look is None or look.lag == 0:
            self._committed = None
            return False
        if self._committed != look.committed:
            self._committed, self._since = dict(look.committed), now
            return False
        stuck_seconds = min(still_seconds, now - self._since)
        return stuck_seconds >= self.limit_seconds


class Watchdog:
    """Looks at the broker a few times per limit; ends the process when it is stalled."""

    def __init__(
        self,
        *,
        progress: Progress,
        look: Callable[[], Awaitable[GroupPosition | None]],
        alerts: Alerts,
        limit_seconds: float,
        oldest_seconds: Callable[[], float] = lambda: 0.0,
        end_process: Callable[[int], None] = os._exit,
    ) -> None:
        self._progress = progress
        self._oldest_seconds = oldest_seconds
        self._look = look
        self._alerts = alerts
        self._limit_seconds = limit_seconds
        self._end_process = end_process
        self._ticked_at = time.monotonic()

    async def run(self, stopping: asyncio.Event) -> None:
        """Watch until stopping; a look that fails is an outage and restarts the watch."""
        watch = (asyncio.get_running_loop(), stopping)
        threading.Thread(target=self._watch_loop, args=watch, daemon=True).start()
        stall = StallClock(self._limit_seconds)
        while not stopping.is_set():
            look = await self._look()
            still_seconds = self._progress.still_seconds()
            if stall.is_stalled(look, still_seconds, time.monotonic()):
                self._end(f"no progress for {still_seconds:.0f} s while there is lag")
            if (oldest := self._oldest_seconds()) >= self._limit_seconds:
                self._end(f"an event has been in hand for {oldest:.0f} s")
            await set_within(stopping, self._limit_seconds / CHECKS_PER_LIMIT)

    def _tick(self) -> None:
        self._ticked_at = time.monotonic()

    def _watch_loop(self, loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
        """Watch the event loop from a thread: a loop that is stuck cannot watch itself."""
        while not (stopping.is_set() or loop.is_closed()):
            with suppress(RuntimeError):  # closed in between
                loop.call_soon_threadsafe(self._tick)
            time.sleep(self._limit_seconds / CHECKS_PER_LIMIT)
            if time.monotonic() - self._ticked_at > LOOP_GRACE * self._limit_seconds:
                self._end("the event loop is stuck")
                return

    def _end(self, detail: str) -> None:
        words = threading.Thread(target=self._last_words, args=(detail,), daemon=True)
        words.start()
        words.join(LAST_WORDS_SECONDS)
        self._end_process(EXIT_STALLED)

    def _last_words(self, detail: str) -> None:
        log.critical("worker_stalled", detail=detail, exit_code=EXIT_STALLED)
        self._alerts.fire(Alert.WORKER_STALLED, detail)
