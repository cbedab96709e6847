"""What a broker answers for a partition instead of records, where aiokafka 0.14 hears nothing.

aiokafka knows four such codes. All others it logs, and asks again in the same moment, for ever: a
thousand lines a second, a core of the machine, and a partition of which nothing comes and nobody
says why. Here

* **a batch that the broker cannot find its way past** (its head is broken, as by a page of zeros)
  is what any other broken batch is: an `UnreadableError` that says where;
* **any other** (the disk of a leader failed: it says so until another broker leads) has the leaders
  asked for anew, as Java's client does, and the next question waits a moment.

And a stream of records is fetched in steps, by whoever sets `seconds_apart`. A broker answers with
the first record there is: at some hundred records a second nearly each comes in an answer of its
own, with all partitions written and read again, and three turns of two threads. Records that come
after a quiet moment are fetched at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container
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
from aiokafka.protocol.fetch import FetchRequest

from stream.kafka.any_records import UnreadableError

HEARD = (
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)


STREAM = 2  # answers that come closer than so many steps are a stream's
DENSE = 4  # an answer with records of so many partitions: a dense one's, with steps twice as long


def heed_fetch_errors() -> None:
    """Have all consumers of this process fetch so. May be called again."""
    readers: Any = consumer
    readers.Fetcher = HeedingFetcher


class HeedingFetcher(Fetcher):
    """aiokafka's, which also heeds what it would pass over, and fetches streams in steps."""

    seconds_apart = 0.0

    def __init__(self, client: Any, *args: Any, **options: Any) -> None:
        self._steps: dict[int, Steps] = {}  # by broker
        self._answers = _Answers(client)
        begin: Any = super().__init__
        begin(self._answers, *args, **options)

    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
        try:
            return await self._fetch(assignment, node_id, request)
        except asyncio.CancelledError:
            # In a rest behind a failure, aiokafka's own too. Its `close` awaits what it cancels: an
            # error ends it there, and the client's connections and their task stay for ever.
            return False

    async def _fetch(self, assignment: Any, node_id: int, request: Any) -> bool:
        fetch: Any = super()._proc_fetch_request
        steps = self._steps.setdefault(node_id, Steps())
        if (rest := steps.rest_seconds(time.monotonic(), self.seconds_apart)) > 0:
            await asyncio.sleep(rest)
        try:
            has_news: bool = await fetch(assignment, node_id, request)
        finally:
            answer = self._answers.of(request)
        if has_news:
            steps.note(time.monotonic(), self.seconds_apart, _with_records(answer))
        passed_over = [
            (TopicPartition(topic, number), for_code(code))
            for topic, partitions in (answer.topics if answer is not None else ())
            for number, code, *_ in partitions
            if code and for_code(code) not in HEARD
        ]
        if not passed_over or not assignment.active:
            return has_news
        corrupt = {pair for pair, error in passed_over if error is CorruptRecordException}
        has_news = self._tell(assignment, request, corrupt) or has_news
        if any(error is not CorruptRecordException for _, error in passed_over):
            self._answers.force_metadata_update()
            await asyncio.sleep(self._retry_backoff)
        return has_news

    def _tell(self, assignment: Any, request: Any, corrupt: Container[TopicPartition]) -> bool:
        """Tell the readers of broken places, unless they have gone elsewhere since they asked."""
        set_error: Any = self._set_error
        has_told = False
        for topic, partitions in request.topics:
            for number, asked_at, *_ in partitions:
                pair = TopicPartition(topic, number)
                state = assignment.state_value(pair)
                is_there = state.has_valid_position and state.position == asked_at
                if pair in corrupt and is_there and pair not in self._records:
                    set_error(pair, UnreadableError(topic, number, asked_at))
                    has_told = True
        return has_told


class Steps:
    """When a broker may be asked again: at once, unless its records come as a stream. Pure."""

    def __init__(self) -> None:
        self._had_records_at = float("-inf")
        self._steps = 0  # to the next question

    def note(self, now: float, apart: float, partitions: int) -> None:
        """Note that an answer had records, of so many partitions."""
        length = max(self._steps, 1) * apart
        is_stream = now - self._had_records_at < STREAM * length
        self._steps = (2 if partitions >= DENSE else 1) if is_stream else 0
        self._had_records_at = now

    def rest_seconds(self, now: float, apart: float) -> float:
        """Return how long the next question waits."""
        return self._had_records_at + self._steps * apart - now if self._steps else 0.0


def _with_records(answer: Any) -> int:
    """Return of how many partitions an answer has records; the bytes are its last field."""
    return sum(1 for _, partitions in answer.topics for *_, data in partitions if data)


class _Answers:
    """aiokafka's client, which keeps the answer of each fetch until it was heeded."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._by_request: dict[int, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        answer = await self._client.send(node_id, request, **options)
        if isinstance(request, FetchRequest):  # nobody takes the others: they would stay for ever
            self._by_request[id(request)] = answer
        return answer

    def of(self, request: Any) -> Any:
        """Return the answer to a request, if there was one."""
        return self._by_request.pop(id(request), None)
