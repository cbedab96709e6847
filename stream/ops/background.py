"""Work beside the main road: a watch that fails is begun again, and the log says why.

A watch that ended by an exception nobody waits for would leave a process that looks well and sees
nothing any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import structlog

from stream.backoff import Backoff

log = structlog.get_logger()

BEGIN_AGAIN = Backoff(first_seconds=1.0, cap_seconds=30.0)
CANCEL_AGAIN_SECONDS = 5.0


@asynccontextmanager
async def in_background(
    begin: Callable[[], Awaitable[None]], *, pauses: Backoff = BEGIN_AGAIN
) -> AsyncIterator[None]:
    """Run what `begin` begins while the block runs, again whenever it fails."""
    task = asyncio.create_task(_keep_up(begin, pauses))
    try:
        yield
    finally:
        await ended([task])


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended; what they raise then is nobody's any more.

    Once is not enough: libraries suppress CancelledError around tasks of their own, and with it
    what comes for us in that moment. Twice at once would cut off what still closes in order.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        done, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.warning("background_failed_when_cancelled", exc_info=error)
        if running:
            log.warning("cancelled_again", tasks=len(running))


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
