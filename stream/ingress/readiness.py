"""Can this process put events into Kafka right now? The answer of `/readyz`.

Traffic is the best probe: an ack of the last seconds says yes for free. Without traffic the broker
is asked, by one caller at a time, and the answer is kept for a moment, so that a load balancer that
polls many times a second costs Kafka nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

FRESH_SECONDS = 2.0


class Readiness:
    """Remembers acks and failures; `problem` says why not to send events here, or None."""

    def __init__(
        self,
        probe: Callable[[], Awaitable[str | None]],
        *,
        now: Callable[[], float],
        timeout_seconds: float = FRESH_SECONDS,
    ) -> None:
        """`probe` asks the broker and returns what is wrong, or None; `now` is in seconds."""
        self._probe = probe
        self._now = now
        self._timeout_seconds = timeout_seconds
        self._asking = asyncio.Lock()
        self._answered_at = float("-inf")
        self._answer: str | None = None
        self.is_draining = False

    def acked(self, at: float) -> None:
        """Note that Kafka acknowledged a record."""
        self._answered_at = at
        self._answer = None

    def failed(self, at: float) -> None:
        """Note that Kafka did not acknowledge a record in time."""
        self._answered_at = at
        self._answer = "Kafka does not acknowledge"

    async def problem(self) -> str | None:
        """Return why this process should get no events now, or None. Never raises."""
        if self.is_draining:
            return "shutting down"
        if self._is_stale():
            async with self._asking:
                if self._is_stale():
                    await self._ask()
        return self._answer

    def _is_stale(self) -> bool:
        return self._now() - self._answered_at >= FRESH_SECONDS

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await self._probe()
        except Exception as error:  # noqa: BLE001 - a probe that fails is an answer
            answer = f"Kafka cannot be reached ({type(error).__name__})"
        self._answer = answer
        self._answered_at = self._now()
