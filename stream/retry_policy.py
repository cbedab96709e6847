"""The retry policy: which tier next, and until when. Data in, decision out.

The tiers are data (`RETRY_DELAYS=30s,2m,10m,1h`): one topic per delay, so the head of each is
always the first due, and the length of the list is the limit of attempts. Jitter spreads what
failed together; it only ever lengthens the wait of the record, never reorders a tier by more than
a tenth of its delay.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from stream.topics import Topics

JITTER_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class RetryStep:
    """Where a failed event waits, and until when (unix milliseconds)."""

    topic: str
    not_before_ms: int


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The tiers of this installation."""

    topics: Topics

    def next_step(self, failed_attempts: int, now_ms: int) -> RetryStep | None:
        """Return the tier after `failed_attempts` earlier failures; None when none is left."""
        if failed_attempts >= len(self.topics.retry_tiers):
            return None
        topic = self.topics.retry_tiers[failed_attempts]
        delay_ms = self.topics.tier_delay_ms(topic)
        jitter_ms = random.uniform(0, delay_ms * JITTER_SHARE)  # noqa: S311 - spreads load only
        return RetryStep(topic, now_ms + delay_ms + int(jitter_ms))
