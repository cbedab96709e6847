"""Waits for the next order that a store sends: the tail of the orders' topic from now on."""

from __future__ import annotations

import asyncio
import time

from schemas.event import Envelope
from stream.config import Settings
from stream.reader import TopicReader, record_envelope

POLL_SECONDS = 1.0


async def next_order(settings: Settings, timeout_seconds: float) -> Envelope:
    """Return the first order event accepted from now on.

    Raises TimeoutError when none comes in time, BrokerError when Kafka does not answer.
    """
    since_ms = int(time.time() * 1000)
    give_up_at = time.monotonic() + timeout_seconds
    async with TopicReader(settings) as reader:
        while time.monotonic() < give_up_at:
            spans = await reader.spans([settings.topics.orders], since_ms=since_ms)
            async for batch in reader.read(spans):
                return record_envelope(batch[0])
            await asyncio.sleep(POLL_SECONDS)
    raise TimeoutError(f"no order came in {timeout_seconds:.0f} s: does the store send webhooks?")
