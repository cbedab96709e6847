"""A publisher that keeps what it is given: the Protocol of stream.publisher without a broker."""

from __future__ import annotations

import asyncio
from collections import Counter

from stream.errors import PublishError
from stream.publisher import Ack, Record

FAKE_TIMESTAMP_MS = 1_700_000_000_000


class FakePublisher:
    """Acknowledges at once. `error` is raised instead; `gate` holds acks back until it is set."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.waiting = 0
        self._offsets: Counter[str] = Counter()

    async def publish(self, record: Record, *, timeout_seconds: float) -> Ack:
        if self.gate is not None:
            self.waiting += 1
            try:
                await asyncio.wait_for(self.gate.wait(), timeout_seconds)
            except TimeoutError:
                raise PublishError("no ack within the deadline") from None
            finally:
                self.waiting -= 1
        if self.error is not None:
            raise self.error
        self.records.append(record)
        offset = self._offsets[record.topic]
        self._offsets[record.topic] += 1
        return Ack(record.topic, record.partition or 0, offset, FAKE_TIMESTAMP_MS)
