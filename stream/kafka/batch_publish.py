"""Many records at once, in batches that are made here: half the cost of sending each by itself.

aiokafka's `send` makes a future for every record and wakes its caller for each. Workers publish a
thousand results and states together and know their partitions, so a batch per partition with one
future does (measured: 5 µs a record instead of 12, and half the time until the last ack).

A call of five orders is ten records of ten partitions. What need not wait leaves without a task,
and who waits for the acks is woken once, with the last of them, or for one that was refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.frozen import dataclass
from stream.begun import rest_of
from stream.errors import PublishError
from stream.kafka.ack_waits import AckWaits
from stream.kafka.error_text import error_text
from stream.kafka.producer import TOO_LARGE, SharedProducer
from stream.kafka.record import Ack, Record, ack_of

Answer = Ack | PublishError


async def publish_batches(shared: SharedProducer, records: Sequence[Record]) -> list[Answer]:
    """Publish records that name their partitions; return an answer for each, in their order.

    Records of one partition stay in order.
    """
    places: dict[tuple[str, int], list[int]] = {}
    for number, record in enumerate(records):
        assert record.partition is not None
        places.setdefault((record.topic, record.partition), []).append(number)
    found: dict[int, Answer] = {}
    flights: list[tuple[list[int], list[Record], _Batch]] = []
    acks = _Acks(shared.ack_waits)

    async def publish(place: tuple[str, int], numbers: list[int], sent: Sent) -> None:
        part = [records[number] for number in numbers]
        with shared.ack_waits.waiting(*place):
            answers = await publish_part(shared, *place, part, sent=sent)
        found.update(zip(numbers, answers, strict=True))

    try:
        async with asyncio.TaskGroup() as group:
            for place, numbers in places.items():
                part = [records[number] for number in numbers]
                sending = _send(shared, *place, part)
                try:
                    obstacle = sending.send(None)
                except StopIteration as ended:
                    batch = ended.value
                    if isinstance(batch, _Batch) and len(batch.stamps_ms) == len(part):
                        acks.expect(batch.future, place)
                        flights.append((numbers, part, batch))
                    else:
                        group.create_task(publish(place, numbers, _already(batch)))
                else:
                    group.create_task(publish(place, numbers, rest_of(sending, obstacle)))
            while flights:
                await acks.come()
                landed = [flight for flight in flights if flight[2].future.done()]
                flights = [flight for flight in flights if not flight[2].future.done()]
                for numbers, part, batch in landed:
                    if _is_refused(batch.future):
                        place = (part[0].topic, batch.partition)
                        group.create_task(publish(place, numbers, _already(batch)))
                    else:
                        found.update(zip(numbers, await _answers(shared, batch, part), strict=True))
    finally:
        acks.forget()
    return [found[number] for number in range(len(records))]


async def publish_part(
    shared: SharedProducer,
    topic: str,
    partition: int,
    records: Sequence[Record],
    *,
    sent: Sent | None = None,
) -> list[Answer]:
    """Publish records of one partition, as many batches as it takes; `Record.partition` is unread.

    Returns an answer for each, in their order. `sent`: the first batch, if it is on its way.
    """
    answers: list[Answer] = []
    while len(answers) < len(records):
        rest = records[len(answers) :]
        batch = await (sent or _send(shared, topic, partition, rest))
        sent = None
        if isinstance(batch, PublishError):
            return [*answers, *[batch] * len(rest)]
        answers += await _answers(shared, batch, rest[: len(batch.stamps_ms)])
    return answers


class _Acks:
    """Waits for the acks of several batches; each ends its partition's wait when it comes."""

    def __init__(self, waits: AckWaits) -> None:
        self._waits = waits
        self._open: dict[asyncio.Future[Any], object] = {}
        self._news: asyncio.Future[None] | None = None

    def expect(self, ack: asyncio.Future[Any], place: tuple[str, int]) -> None:
        """Wait for this one, too."""
        self._open[ack] = self._waits.begin(*place)
        ack.add_done_callback(self._come)

    def _come(self, ack: asyncio.Future[Any]) -> None:
        if (wait := self._open.pop(ack, None)) is not None:
            self._waits.end(wait)
        is_news = not self._open or _is_refused(ack)
        if is_news and self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def come(self) -> None:
        """Return when all have come, or one was refused: its producer can go no further."""
        if self._open:
            self._news = asyncio.get_running_loop().create_future()
            await self._news

    def forget(self) -> None:
        """Wait for none that has not come."""
        while self._open:
            ack, wait = self._open.popitem()
            self._waits.end(wait)
            ack.cancel()


def _is_refused(ack: asyncio.Future[Any]) -> bool:
    return ack.cancelled() or ack.exception() is not None


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch on its way, with the producer's time of each of its records."""

    producer: AIOKafkaProducer
    partition: int
    future: asyncio.Future[Any]
    stamps_ms: list[int]


Sent = Awaitable[_Batch | PublishError]


async def _already(sent: _Batch | PublishError) -> _Batch | PublishError:
    return sent


async def _send(
    shared: SharedProducer, topic: str, partition: int, records: Sequence[Record]
) -> _Batch | PublishError:
    """Send as many records, from the first on, as fit into a batch."""
    producer = None
    stamps_ms: list[int] = []
    try:
        producer = shared.current or await shared.connected()
        batch = producer.create_batch()
        append = batch.append
        for record in records:
            taken = append(
                timestamp=None, key=record.key, value=record.value, headers=list(record.headers)
            )
            if taken is None:
                break
            stamps_ms.append(taken.timestamp)
        future = await producer.send_batch(batch, topic, partition=partition)
    except (KafkaError, OSError, AssertionError) as error:
        return shared.not_taken(topic, producer, error)
    return _Batch(producer, partition, future, stamps_ms)


async def _answers(
    shared: SharedProducer, batch: _Batch, records: Sequence[Record]
) -> list[Answer]:
    """Wait for the broker's word about a batch. If it was too large, its records go alone."""
    try:
        first = ack_of(await batch.future)
    except TOO_LARGE as error:
        shared.replace(batch.producer, error)
        return [await shared.send_alone(record, batch.partition) for record in records]
    except KafkaError as error:
        shared.replace(batch.producer, error)
        return [PublishError(f"{records[0].topic}: {error_text(error)}") for _ in records]
    has_time = first.timestamp_ms >= 0  # the broker's own, when the topic says so
    return [
        Ack(
            first.topic,
            first.partition,
            first.offset + place,
            first.timestamp_ms if has_time else stamp_ms,
        )
        for place, stamp_ms in enumerate(batch.stamps_ms)
    ]
