"""The dashboard's eyes: three loops that keep what pages show up to date.

Pages never wait for Kafka. When a loop cannot read, it says so in `problems`, with the age of what
is shown, and goes on trying; the last figures stay, marked as old.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp
import structlog

from dashboard.data.dead_letter_pages import DeadLetterPages
from dashboard.data.worker_metrics import ProcessMetrics, scrape_all
from schemas.erasure import ERASURE_EVENT
from stream.audit.live_totals import LiveTotals
from stream.config import Settings
from stream.errors import StreamError
from stream.kafka.log.passing_reader import PassingReader
from stream.lag.exporter import export, forget
from stream.lag.sampler import LagSampler
from stream.lag.snapshot import LagSnapshot
from stream.ops.background import ended

QUEUED_OUTCOMES = 200

# None ends the stream of a watcher.
Queue: TypeAlias = asyncio.Queue[dict[str, Any] | None]


class OutcomeFeed:
    """Hands outcomes to the open watchers; one that does not keep up misses the oldest."""

    def __init__(self) -> None:
        self._watchers: set[Queue] = set()

    @contextmanager
    def watch(self) -> Iterator[Queue]:
        """Yield a queue that gets every outcome from now on."""
        queue: Queue = asyncio.Queue(QUEUED_OUTCOMES)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    def tell(self, outcomes: Sequence[dict[str, Any]]) -> None:
        for queue in self._watchers:
            for outcome in outcomes[-QUEUED_OUTCOMES:]:
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(outcome)

    def close(self) -> None:
        """End every stream: the server is shutting down."""
        for queue in self._watchers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)


log = structlog.get_logger()

BALANCE_SECONDS = 1.0
LAG_SECONDS = 3.0
METRICS_SECONDS = 5.0
AFTER_FAILURE_SECONDS = 5.0
STALE_SECONDS = 20.0
LAG_POINTS = 1200  # an hour
BATCH_RECORDS = 1000  # results read at a time, between which pages are answered


@dataclass(frozen=True, slots=True)
class LagPoint:
    """The workers' lag at one moment."""

    at_ms: int
    events: int
    seconds: float


class Snapshots:
    """Starts the loops with `start`, ends them with `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.balance = LiveTotals(settings)
        self.shelf = DeadLetterPages()
        self.tail = OutcomeFeed()
        self.snapshot: LagSnapshot | None = None
        self.lag_points: deque[LagPoint] = deque(maxlen=LAG_POINTS)
        self.scrapes: tuple[ProcessMetrics, ...] = ()
        self.problems: dict[str, str] = {}
        self.on_erasure: Callable[[], None] = lambda: None
        self._done_at: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._keep("balance", self._open_balance, BALANCE_SECONDS)),
            asyncio.create_task(self._keep("lag", self._open_lag, LAG_SECONDS)),
        ]
        if self._settings.metrics_urls:
            self._tasks.append(
                asyncio.create_task(self._keep("metrics", self._open_metrics, METRICS_SECONDS))
            )

    async def stop(self) -> None:
        await ended(self._tasks)

    @property
    def not_ready(self) -> str | None:
        """Why pages do not show the present yet, or None."""
        if self.balance.refreshed_ms is None:
            return self.problems.get("balance") or "reading the results"
        if self.snapshot is None:
            return self.problems.get("lag") or "no lag sample yet"
        return next((text for text in self.warnings if text), None)

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the figures now: who cannot be asked, and since when they are old."""
        now = time.monotonic()
        found = []
        for name in ("balance", "lag"):
            age = now - self._done_at.get(name, now)
            problem = self.problems.get(name, "")
            if age > STALE_SECONDS or problem:
                since = f"; figures of {name} are {age:.0f} s old" if age > 1 else ""
                found.append((problem or "Kafka answers slowly") + since)
        return list(dict.fromkeys(found))

    async def _keep(
        self,
        name: str,
        open_: Callable[[AsyncExitStack], Awaitable[Callable[[], Awaitable[None]]]],
        seconds: float,
    ) -> None:
        """Open what a loop needs and run its step again and again, whatever happens."""
        while True:
            try:
                async with AsyncExitStack() as stack:
                    step = await open_(stack)
                    while True:
                        await step()
                        self.problems.pop(name, None)
                        self._done_at[name] = time.monotonic()
                        await asyncio.sleep(seconds)
            except StreamError as error:
                self._failed(name, str(error))
            except Exception as error:  # a bug in one loop must not freeze its figures silently
                log.exception("dashboard_watch_failed", loop=name)
                self._failed(name, f"{name}: {type(error).__name__}")
            await asyncio.sleep(AFTER_FAILURE_SECONDS)

    def _failed(self, name: str, text: str) -> None:
        if name not in self.problems:
            log.warning("dashboard_cannot_read", loop=name, error=text)
        self.problems[name] = text
        if name == "lag":  # pages say how old their figures are; a metric cannot
            forget()
            self.shelf.unknown = text

    async def _open_balance(self, stack: AsyncExitStack) -> Callable[[], Awaitable[None]]:
        reader = await stack.enter_async_context(
            PassingReader(self._settings, batch_records=BATCH_RECORDS)
        )

        async def step() -> None:
            before = self.balance.outcomes_read if self.balance.refreshed_ms else None
            await self.balance.refresh(reader)
            if before is not None and (new := self.balance.outcomes_read - before):
                self._tell(list(self.balance.recent)[-new:])

        return step

    def _tell(self, outcomes: list[dict[str, Any]]) -> None:
        """Pass on what is new; when somebody was erased, keep nothing that may name them."""
        if any(outcome.get("event") == ERASURE_EVENT for outcome in outcomes):
            self.balance.recent.clear()
            self.on_erasure()
            log.info("dashboard_forgot_after_erasure")
            return
        self.tail.tell(outcomes)

    async def _open_lag(self, stack: AsyncExitStack) -> Callable[[], Awaitable[None]]:
        sampler = await stack.enter_async_context(LagSampler(self._settings))

        async def step() -> None:
            snapshot = await sampler.sample()
            export(snapshot, dead_letter_topic=self._settings.topics.dead_letters)
            workers = snapshot.groups[0]
            if not workers.unknown:  # a gap, and no figure without some of its terms
                seconds = workers.max_lag_seconds
                self.lag_points.append(LagPoint(snapshot.at_ms, workers.lag, seconds))
            dead = snapshot.dead_letters
            unknown = dead if isinstance(dead, str) else ""
            await self.shelf.arrange(sampler.letters, unknown=unknown)
            if self.snapshot is None:
                # What was there at the start stays: a full collection need not look through it.
                gc.freeze()
            self.snapshot = snapshot

        return step

    async def _open_metrics(self, stack: AsyncExitStack) -> Callable[[], Awaitable[None]]:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def step() -> None:
            self.scrapes = await scrape_all(session, self._settings.metrics_urls)

        return step
