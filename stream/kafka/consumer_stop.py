"""Stopping an aiokafka consumer that may have swallowed its own cancel.

aiokafka 0.14's fetch routine awaits its cancelled fetches with CancelledError suppressed
(`Fetcher._fetch_requests_routine`). When `stop` cancels the routine in that moment, right after
`unsubscribe`, the cancel is swallowed, the routine waits for an assignment that never comes, and
`stop` waits for the routine for ever. A second cancel ends it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

STOP_SECONDS = 3.0


async def stop_consumer(consumer: Any) -> None:
    """Stop an AIOKafkaConsumer; cancels again what did not stop in STOP_SECONDS."""
    stopping = asyncio.ensure_future(consumer.stop())
    done, _ = await asyncio.wait({stopping}, timeout=STOP_SECONDS)
    if not done:
        stopping.cancel()  # reaches the routine that `stop` is waiting for
        with suppress(asyncio.CancelledError):
            await stopping
