"""Work beside the main road: a watch that fails is begun again, and the log says why.

A watch that ended by an exception nobody waits for would leave a process that looks well and sees
nothing any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count

import structlog

from stream.backoff import Backoff

log = structlog.get_logger()

BEGIN_AGAIN = Backoff(first_seconds=1.0, cap_seconds=30.0)


@asynccontextmanager
async def in_background(
    begin: Callable[[], Awaitable[None]], *, pauses: Backoff = BEGIN_AGAIN
) -> AsyncIterator[None]:
    """Run what `begin` begins while the block runs, again whenever it fails."""
    task = asyncio.create_task(_keep_up(begin, pauses))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def set_within(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _keep_up(begin: Callable[[], Awaitable[None]], pauses: Backoff) -> None:
    for failures in count(1):
        try:
            await begin()
        except Exception:
            seconds = pauses.seconds(failures)
            log.exception("background_failed", again_in_seconds=seconds)
            await asyncio.sleep(seconds)
        else:
            return
