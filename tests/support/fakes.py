"""Stand-ins that keep the same promises as the real thing; tests/contract holds them to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from agents.salesforce.auth.oauth_flows import Token
from stream.errors import PublishError
from stream.kafka.batch_publish import Answer
from stream.kafka.group_commit import PendingRecord
from stream.kafka.publisher import Ack, Record

TOO_LARGE_BYTES = 6 * 1024 * 1024


class FakePublisher:
    """A Kafka in memory: `logs[(topic, partition)]` are the records, in order.

    `fail_next(n)`: the next n records are refused. `hang()`: no answers until `answer()`.
    """

    def __init__(self, *, partitions: int = 4, too_large_bytes: int = TOO_LARGE_BYTES) -> None:
        self.logs: dict[tuple[str, int], list[Record]] = {}
        self.attempts: list[Record] = []
        self._partitions = partitions
        self._too_large_bytes = too_large_bytes
        self._failures = 0
        self._answering = asyncio.Event()
        self._answering.set()
        self._offered: set[asyncio.Task[None]] = set()

    @property
    def records(self) -> list[Record]:
        """Everything that was acknowledged, by topic and partition, then in order."""
        return [record for _, log in sorted(self.logs.items()) for record in log]

    def on(self, topic: str) -> list[Record]:
        """The acknowledged records of one topic."""
        return [record for record in self.records if record.topic == topic]

    def fail_next(self, count: int) -> None:
        self._failures = count

    def hang(self) -> None:
        self._answering.clear()

    def answer(self) -> None:
        self._answering.set()

    async def start(self) -> None:
        """Nothing to connect."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def publish(self, record: Record, *, timeout_seconds: float) -> Ack:
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = (await self.publish_each([record]))[0]
        except TimeoutError:
            raise PublishError(f"no ack within {timeout_seconds:g} s") from None
        if isinstance(answer, PublishError):
            raise answer
        return answer

    async def publish_each(self, records: Sequence[Record]) -> list[Ack | PublishError]:
        await self._answering.wait()
        return [self._take(record) for record in records]

    def offer(self, record: Record, answered: Callable[[Answer], None]) -> PendingRecord | None:
        offer = PendingRecord(record, answered)

        async def answer() -> None:
            await self._answering.wait()
            if offer.record is not None:
                answered(self._take(offer.record))

        task = asyncio.create_task(answer())
        self._offered.add(task)
        task.add_done_callback(self._offered.discard)
        return offer

    def _take(self, record: Record) -> Ack | PublishError:
        self.attempts.append(record)
        if len(record.value or b"") > self._too_large_bytes:
            return PublishError(f"{record.topic}: the record is too large", is_too_large=True)
        if self._failures > 0:
            self._failures -= 1
            return PublishError(f"{record.topic}: told to fail")
        partition = record.partition
        if partition is None:
            partition = sum(record.key or b"") % self._partitions
        if partition >= self._partitions:
            return PublishError(f"{record.topic}: no partition {partition}")
        log = self.logs.setdefault((record.topic, partition), [])
        log.append(record)
        return Ack(record.topic, partition, len(log) - 1, 1_700_000_000_000 + len(self.attempts))


def a_token(value: str = "t") -> Token:
    return Token(value, "https://acme.my.salesforce.com")
