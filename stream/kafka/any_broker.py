"""Questions that any broker can answer, so that a dead one does not hide what the others know.

aiokafka's admin client asks one broker of those it knows, chosen at random, also one that is down
or stands still.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka.errors import KafkaError

T = TypeVar("T")

REFUSED_SECONDS = 5.0  # of quick refusals; then all of them are away
PATIENCE_SECONDS = 3.0  # of the first try, doubled at each: a cluster may be slow, too
MOST_PATIENCE_SECONDS = 12.0
AGAIN_SECONDS = 0.1


async def of_any_broker(question: Callable[[], Awaitable[T]]) -> T:
    """Ask again until a broker answers. Raises KafkaError or TimeoutError when none does."""
    give_up_at = time.monotonic() + REFUSED_SECONDS
    patience = PATIENCE_SECONDS
    while True:
        try:
            async with asyncio.timeout(patience):
                return await question()
        except TimeoutError:
            patience *= 2
            if patience > MOST_PATIENCE_SECONDS:
                raise
        except KafkaError as error:
            if not error.retriable or time.monotonic() >= give_up_at:
                raise
            await asyncio.sleep(AGAIN_SECONDS)
