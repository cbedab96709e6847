"""Records that come one by one and leave together: group commit, for the ingress.

While a batch of a partition is on its way, the next records of the partition gather; with the
broker's word they leave as one batch. All partitions leave together, because what leaves in one
turn of the loop is one request to a broker, and not more often than every few milliseconds: at
2,500 records a second that takes a third off the CPU time of ingress and broker. While records keep
coming they wait for each other a little longer, which takes a fifth off at 1,000 a second; few
senders who each wait for their answer do not keep coming. The first record after a quiet moment
leaves at once. One future per batch, instead of a coroutine, a future and a wake-up per record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from stream.errors import PublishError
from stream.kafka.batch_publish import Answer, publish_part
from stream.kafka.error_text import error_text
from stream.kafka.producer import SharedProducer
from stream.kafka.record import Record

log = structlog.get_logger()

# While Kafka is away the records of senders that gave up are dropped, but not their places.
MAX_WAITING = 10_000
# Between one departure and the next. Under full load acks take longer than the least.
LEAST_SECONDS_APART = 0.003
MOST_SECONDS_APART = 0.009
SECONDS_TO_NEXT_LOOK = 0.002
# What comes at this rate is a stream; so many together need no others.
STREAM_PER_SECOND, ENOUGH = 1_000, 24


def is_time_to_leave(came: int, in_seconds: float, waiting: int, seconds: float) -> bool:
    """Whether those in line leave now, `seconds` after the last departure.

    `came`: how many in the last `in_seconds`; `waiting`: since the last departure.
    """
    is_stream = came >= STREAM_PER_SECOND * in_seconds
    return not is_stream or waiting >= ENOUGH or seconds >= MOST_SECONDS_APART


class PendingRecord:
    """A record in line, or in a batch that is on its way."""

    __slots__ = ("answered", "record")

    def __init__(self, record: Record, answered: Callable[[Answer], None]) -> None:
        self.record: Record | None = record
        self.answered = answered

    def withdraw(self) -> None:
        """Leave the line, if the record is in no batch yet; the answer may still come."""
        self.record = None


@dataclass(slots=True)
class _Lane:
    """One partition: who waits, and whether a batch is on its way."""

    topic: str
    partition: int
    waiting: list[PendingRecord] = field(default_factory=list)
    is_busy: bool = False


class GroupCommit:
    """The lines of one process, one per partition."""

    def __init__(self, shared: SharedProducer) -> None:
        self._shared = shared
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: list[_Lane] = []
        self._left_at = 0.0
        self._came = 0  # since the last departure
        self._seen = 0  # of these, at the last look

    def offer(
        self, record: Record, partition: int, answered: Callable[[Answer], None]
    ) -> PendingRecord | None:
        """Take a place in line, or return None when the line is full.

        `answered` is called once, later, from the loop; it must not raise.
        """
        lane = self._lanes.get((record.topic, partition))
        if lane is None:
            lane = self._lanes[record.topic, partition] = _Lane(record.topic, partition)
        if len(lane.waiting) >= MAX_WAITING:
            return None
        offer = PendingRecord(record, answered)
        lane.waiting.append(offer)
        self._came += 1
        if not lane.is_busy:
            lane.is_busy = True
            self._leave(lane)
        return offer

    async def stop(self) -> None:
        """Forget who still waits: each of them has had its answer, or its deadline."""
        self._leaving.clear()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def _leave(self, lane: _Lane) -> None:
        """Let a lane go with the next departure."""
        self._leaving.append(lane)
        if len(self._leaving) == 1:
            loop = asyncio.get_running_loop()
            seconds = self._left_at + LEAST_SECONDS_APART - loop.time()
            if seconds > 0:
                loop.call_later(seconds, self._look, LEAST_SECONDS_APART)
            else:
                loop.call_soon(self._look, LEAST_SECONDS_APART)

    def _look(self, in_seconds: float) -> None:
        """Depart, or look again: records come as a stream."""
        loop = asyncio.get_running_loop()
        came, self._seen = self._came - self._seen, self._came
        if is_time_to_leave(came, in_seconds, self._came, loop.time() - self._left_at):
            self._depart()
        else:
            loop.call_later(SECONDS_TO_NEXT_LOOK, self._look, SECONDS_TO_NEXT_LOOK)

    def _depart(self) -> None:
        self._left_at = asyncio.get_running_loop().time()
        self._came = self._seen = 0
        lanes, self._leaving = self._leaving, []
        for lane in lanes:
            task = asyncio.create_task(self._serve(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, lane: _Lane) -> None:
        offers, lane.waiting = lane.waiting, []
        await self._publish(lane, offers)
        if lane.waiting:
            self._leave(lane)
        else:
            lane.is_busy = False

    async def _publish(self, lane: _Lane, offers: list[PendingRecord]) -> None:
        held = [(offer, offer.record) for offer in offers if offer.record is not None]
        records = [record for _, record in held]
        answers: list[Answer]
        try:
            answers = await publish_part(self._shared, lane.topic, lane.partition, records)
        except Exception as error:
            log.exception("record_queue_bug", topic=lane.topic)
            answers = [PublishError(f"{lane.topic}: {error_text(error)}")] * len(held)
        for (offer, _), answer in zip(held, answers, strict=True):
            try:
                offer.answered(answer)
            except Exception:
                log.exception("record_queue_bug", topic=lane.topic)
