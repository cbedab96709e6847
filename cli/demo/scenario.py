"""The demo's performance: faults armed, webhooks sent, outcomes awaited and shown as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from rich.console import Console

from cli.demo.orders import DemoOrders
from cli.demo.outcomes import Outcomes
from cli.demo.progress import demo_progress
from sandbox.magento.sender import Receipt, Sender
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline

T = TypeVar("T")

QUIET_SECONDS = 60.0
# Long enough to watch, and so that saves of one order do not all meet in one batch.
SENDING_SECONDS = 6.0


class DemoError(RuntimeError):
    """The demo cannot go on; the message says what did not happen."""


async def play(
    console: Console, pipeline: Pipeline, story: DemoOrders, org: OrgRemote, outcomes: Outcomes
) -> list[Receipt]:
    """Send everything and return the receipts when every event has its outcome."""
    lock, rule = story.faults
    lock_id = await org.arm(lock)
    total = len(story.deliveries) + 1
    with demo_progress(console, total) as progress:

        def on_receipt(receipt: Receipt) -> None:
            if receipt.is_accepted:
                progress.sent()

        async with (
            Sender(pipeline.webhook_url, pipeline.secret, on_receipt=on_receipt) as sender,
            showing(progress.done, outcomes),
        ):
            receipts = await sender.send_all(
                story.deliveries, rate_per_second=total / SENDING_SECONDS
            )
            # A colleague has had one record open all the while; now they close it.
            await in_time(outcomes.until(lambda now: bool(now.retried)), "no event was retried")
            await org.disarm(lock_id)
            await settle(outcomes, receipts)
            await org.arm(rule)
            receipts.append(await sender.send(story.refund))
            await settle(outcomes, receipts)
    return receipts


async def settle(outcomes: Outcomes, receipts: list[Receipt]) -> None:
    """Return when every accepted event has a final outcome."""
    ids = [receipt.answer["event_id"] for receipt in receipts if receipt.is_accepted]
    await in_time(outcomes.until_final(ids), "some events have no outcome")


async def in_time(work: Coroutine[Any, Any, T], otherwise: str) -> T:
    try:
        async with asyncio.timeout(QUIET_SECONDS):
            return await work
    except TimeoutError:
        raise DemoError(f"{otherwise} after {QUIET_SECONDS:.0f} s") from None


@asynccontextmanager
async def showing(show: Callable[[int, str], None], outcomes: Outcomes) -> AsyncIterator[None]:
    """Show the outcomes as they come, until the block ends."""

    async def watch() -> None:
        while True:
            await outcomes.until_changed()
            counts = ", ".join(f"{name} {n:,}" for name, n in sorted(outcomes.counts.items()))
            retry = f", retry {len(outcomes.waiting)}" if outcomes.waiting else ""
            show(len(outcomes.final), counts + retry)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
