"""Closing what aiokafka 0.14 has opened: on its way out it suppresses CancelledError, twice.

- A client's `close` ends a task of its own so. A cancel of *ours* that comes in that moment is lost
  with the task's: a watch that was told to stop goes on for ever, and so does who waits for it.
- A consumer's fetch routine ends its fetches so. When `stop` cancels the routine in that moment,
  right after `unsubscribe`, it waits for an assignment that never comes. A second cancel ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

STOP_SECONDS = 3.0


async def closed(closing: Coroutine[Any, Any, None]) -> None:
    """Close in a task of its own; a cancel of the caller's is raised when that is done."""
    task = asyncio.ensure_future(closing)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
    task.result()


async def stop_consumer(consumer: Any) -> None:
    """Stop an AIOKafkaConsumer; cancels again what did not stop in STOP_SECONDS."""
    await closed(_stop(consumer))


async def _stop(consumer: Any) -> None:
    stopping = asyncio.ensure_future(consumer.stop())
    done, _ = await asyncio.wait({stopping}, timeout=STOP_SECONDS)
    if not done:
        stopping.cancel()  # reaches the routine that `stop` is waiting for
    with suppress(asyncio.CancelledError):
        await stopping
