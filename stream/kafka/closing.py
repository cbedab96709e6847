"""Closing what aiokafka 0.14 has opened: on its way out it suppresses CancelledError, twice.

- A client's `close` ends a task of its own so. A cancel of *ours* that comes in that moment is lost
  with the task's: a watch that was told to stop goes on for ever, and so does who waits for it.
- A consumer's fetch routine ends its fetches so. When `stop` cancels the routine in that moment,
  right after `unsubscribe`, it waits for an assignment that never comes. A second cancel ends it.

And where one of its tasks has failed, or was never begun, a consumer's `stop` raises that, and
closes no connection. Here they are closed, and what was wrong with it is nobody else's end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()

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
        await asyncio.wait({stopping})
    error = None if stopping.cancelled() else stopping.exception()
    if error is not None:
        log.warning("consumer_not_closed_in_order", error=str(error))
    if error is not None or stopping.cancelled():
        await consumer._client.close()  # noqa: SLF001 - test_private_names.py holds the name
