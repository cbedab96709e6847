"""The demo's live view of outcomes: reads `salesforce.results` as they come, counts per event."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.result import Outcome, Result
from stream.kafka.closing import stop_consumer
from stream.kafka.connection import kafka_connection
from stream.settings.kafka import KafkaSettings

POLL_MS = 100


class Outcomes:
    """What became of each event so far. Use as an async context manager; it reads by itself."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._topic = settings.topics.results
        self._partitions = settings.kafka_partitions
        self._consumer = AIOKafkaConsumer(
            **kafka_connection(settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self.final: dict[str, Result] = {}
        self.waiting: dict[str, Result] = {}
        self.retried: set[str] = set()

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign([TopicPartition(self._topic, n) for n in range(self._partitions)])
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._task is not None:
            self._task.cancel()
        await stop_consumer(self._consumer)

    @property
    def counts(self) -> Counter[str]:
        """How many events have each final outcome."""
        return Counter(result.outcome.value for result in self.final.values())

    @property
    def dead(self) -> list[Result]:
        return [result for result in self.final.values() if result.outcome is Outcome.DEAD]

    def of(self, key: str) -> list[Result]:
        """Return the final results of one order or customer, the oldest event first."""
        found = [result for result in self.final.values() if result.key == key]
        return sorted(found, key=lambda result: result.origin_offset)

    async def until(self, is_so: Callable[[Outcomes], bool]) -> None:
        """Return when something is so; it is asked after every change."""
        async with self._changed:
            await self._changed.wait_for(lambda: is_so(self))

    async def until_final(self, event_ids: Iterable[str]) -> None:
        """Return when every one of these events has a final outcome."""
        wanted = set(event_ids)
        await self.until(lambda outcomes: wanted <= outcomes.final.keys())

    async def until_changed(self) -> None:
        """Return after the next read from the topic."""
        async with self._changed:
            await self._changed.wait()

    async def _read(self) -> None:
        while True:
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
            if not fetched:
                continue
            async with self._changed:
                for records in fetched.values():
                    for record in records:
                        self._note(Result.from_bytes(record.value or b""))
                self._changed.notify_all()

    def _note(self, result: Result) -> None:
        if result.outcome.is_final:
            self.final[result.event_id] = result
            self.waiting.pop(result.event_id, None)
        elif result.event_id not in self.final:
            self.waiting[result.event_id] = result
            self.retried.add(result.event_id)
