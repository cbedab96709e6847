"""Steady load: sequence-numbered orders over HTTP at a constant arrival rate (open loop).

Orders come in blocks; every order of a block is saved `VERSIONS` times, some seconds apart, so that
at any moment there are old and new states of the same order under way. A slow answer does not slow
the load down: latency counts from the moment a webhook was due.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
from itertools import count
from typing import Any, Protocol, Self

from chaos.verdict import Delivery
from sandbox.magento.numbered import numbered_webhook
from sandbox.magento.sender import Patience, Sender
from sandbox.magento.store import Webhook

BLOCK_ORDERS = 100
VERSIONS = 3
# A sender that does not give up within any outage of ours.
PATIENCE = Patience(max_attempts=200, backoff_seconds=0.1, max_wait_seconds=2.0)
MOST_IN_FLIGHT = 10_000


class Document(Protocol):
    """Writes one state of one order as the store sends it."""

    def __call__(self, order: int, version: int, /, *, customers: int) -> Webhook: ...


def numbered(index: int) -> tuple[int, int]:
    """Return (order, version) of the load's webhook number `index`; both count from 1."""
    block, place = divmod(index, BLOCK_ORDERS * VERSIONS)
    version, order = divmod(place, BLOCK_ORDERS)
    return block * BLOCK_ORDERS + order + 1, version + 1


class Load:
    """Sends until `stop`. `rate_per_second` may be changed while it runs."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        rate_per_second: float,
        customers: int,
        document: Document = numbered_webhook,
    ) -> None:
        self.rate_per_second = rate_per_second
        self.deliveries: list[Delivery] = []
        self._customers = customers
        self._document = document
        self._going_on = asyncio.Event()
        self._going_on.set()
        self._sender = Sender(url, secret, concurrency=MOST_IN_FLIGHT, patience=PATIENCE)
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._steadily: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._sender.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sender.__aexit__(*error)

    @property
    def accepted(self) -> int:
        return sum(delivery.is_accepted for delivery in self.deliveries)

    def start(self) -> None:
        """Begin the steady load."""
        self._steadily = self._spawn(self._steady())

    async def stop(self) -> None:
        """Send nothing new and return when everything under way is answered."""
        self._stopping.set()
        self._going_on.set()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def pause(self) -> None:
        """Send nothing until `go_on`; returns when everything under way is answered."""
        self._going_on.clear()
        while sending := self._tasks - {self._steadily}:
            await asyncio.wait(sending)

    def go_on(self) -> None:
        """End a pause: the load begins again where it was."""
        self._going_on.set()

    async def send(self, order: int, version: int, *, due: float | None = None) -> bool:
        """Send one state of an order; return whether it was accepted in the end."""
        due = time.monotonic() if due is None else due
        webhook = self._document(order, version, customers=self._customers)
        receipt = await self._sender.send(webhook, due=due)
        self.deliveries.append(
            Delivery(
                order=webhook.key,
                version=version,
                is_accepted=receipt.is_accepted,
                due=due,
                latency_seconds=receipt.latency_seconds,
                attempts=receipt.attempts,
            )
        )
        return receipt.is_accepted

    async def send_all(self, deliveries: Iterable[tuple[int, int]], *, senders: int) -> None:
        """Send (order, version) after (order, version), so many at a time."""
        slots = asyncio.Semaphore(senders)

        async def one(order: int, version: int) -> None:
            async with slots:
                await self.send(order, version)

        await asyncio.gather(*(one(order, version) for order, version in deliveries))

    async def _steady(self) -> None:
        due = time.monotonic()
        for index in count():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not self._going_on.is_set():
                await self._going_on.wait()
                due = time.monotonic()
            if self._stopping.is_set():
                return
            order, version = numbered(index)
            self._spawn(self._one(order, version, due))
            due += 1 / self.rate_per_second

    async def _one(self, order: int, version: int, due: float) -> None:
        await self.send(order, version, due=due)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
