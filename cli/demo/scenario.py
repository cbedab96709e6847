"""The demo's performance: faults armed, webhooks sent, outcomes awaited and shown as they come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.demo.orders import DemoOrders
from cli.demo.outcomes import Outcomes
from sandbox.magento.sender import Receipt, Sender
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline

PLAIN_LINE_SECONDS = 2.0


class DemoProgress:
    """Counts that are shown. `sent` grows with receipts, `done` with final outcomes."""

    def __init__(self, console: Console, progress: Progress, total: int) -> None:
        self._console = console
        self._progress = progress
        self._total = total
        self._sending = progress.add_task("webhooks accepted", total=total, note="")
        self._working = progress.add_task("with an outcome", total=total, note="")
        self._last_line = time.monotonic()
        self._sent = self._done = 0

    def sent(self) -> None:
        """One more webhook was accepted."""
        self._sent += 1
        self._progress.update(self._sending, completed=self._sent)
        self._say("")

    def done(self, count: int, note: str) -> None:
        """So many events have a final outcome."""
        self._done = count
        self._progress.update(self._working, completed=count, note=note)
        self._say(note)

    def _say(self, note: str) -> None:
        now = time.monotonic()
        if self._console.is_terminal or now - self._last_line < PLAIN_LINE_SECONDS:
            return
        self._last_line = now
        self._console.print(
            f"  accepted {self._sent:,} of {self._total:,}, with an outcome {self._done:,} {note}"
        )


@contextmanager
def demo_progress(console: Console, total: int) -> Iterator[DemoProgress]:
    """Show the progress of so many webhooks until the block ends."""
    columns = (
        TextColumn("  {task.description:<18}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield DemoProgress(console, progress, total)


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
