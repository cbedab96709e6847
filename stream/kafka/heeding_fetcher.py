"""What a broker answers for a partition instead of records, where aiokafka 0.14 hears nothing.

aiokafka knows four such codes. All others it logs, and asks again in the same moment, for ever: a
thousand lines a second, a core of the machine, and a partition of which nothing comes and nobody
says why. Here

* **a batch that the broker cannot find its way past** (its head is broken, as by a page of zeros)
  is what any other broken batch is: an `UnreadableError` that says where;
* **any other** (the disk of a leader failed: it says so until another broker leads) has the leaders
  asked for anew, as Java's client does, and the next question waits a moment.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import consumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import (
    CorruptRecordException,
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from stream.kafka.any_records import UnreadableError

HEARD = (
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)


def heed_fetch_errors() -> None:
    """Have all consumers of this process fetch so. May be called again."""
    readers: Any = consumer
    readers.Fetcher = HeedingFetcher


class HeedingFetcher(Fetcher):
    """aiokafka's, which also heeds what it would pass over."""

    def __init__(self, client: Any, *args: Any, **options: Any) -> None:
        self._answers = _Answers(client)
        begin: Any = super().__init__
        begin(self._answers, *args, **options)

    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
        fetch: Any = super()._proc_fetch_request
        try:
            has_news: bool = await fetch(assignment, node_id, request)
        finally:
            answer = self._answers.of(request)
        passed_over = [
            (TopicPartition(topic, number), for_code(code))
            for topic, partitions in (answer.topics if answer is not None else ())
            for number, code, *_ in partitions
            if code and for_code(code) not in HEARD
        ]
        if not passed_over or not assignment.active:
            return has_news
        tell: Any = self._set_error
        for pair, error in passed_over:
            state = assignment.state_value(pair)
            is_awaited = state.has_valid_position and pair not in self._records
            if error is CorruptRecordException and is_awaited:
                tell(pair, UnreadableError(*pair, state.position))
                has_news = True
        if any(error is not CorruptRecordException for _, error in passed_over):
            self._answers.force_metadata_update()
            await asyncio.sleep(self._retry_backoff)
        return has_news


class _Answers:
    """aiokafka's client, which keeps the answer of each fetch until it was heeded."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._by_request: dict[int, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        answer = await self._client.send(node_id, request, **options)
        self._by_request[id(request)] = answer
        return answer

    def of(self, request: Any) -> Any:
        """Return the answer to a request, if there was one."""
        return self._by_request.pop(id(request), None)
