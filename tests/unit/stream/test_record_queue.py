"""Group commit: who leaves with whom, and who is told what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from stream.errors import PublishError
from stream.kafka import group_commit as record_queue
from stream.kafka.group_commit import (
    ENOUGH,
    LEAST_SECONDS_APART,
    MAX_WAITING,
    MOST_SECONDS_APART,
    SECONDS_TO_NEXT_LOOK,
    GroupCommit,
    is_time_to_leave,
)
from stream.kafka.record import Ack, Record

TOPIC = "magento.orders"


def record(number: int) -> Record:
    return Record(TOPIC, b"%d" % number, b"value %d" % number)


class Kafka:
    """Batches as they come, each answered when `answer` says so."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[bytes | None]]] = []
        self.waiting: list[asyncio.Future[BaseException | None]] = []

    async def publish_part(
        self, _keeper: object, topic: str, partition: int, records: Sequence[Record]
    ) -> list[Ack | PublishError]:
        self.batches.append((partition, [each.key for each in records]))
        answer = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        if (error := await answer) is not None:
            raise error
        return [Ack(topic, partition, place, 1) for place in range(len(records))]

    async def answer(self, error: BaseException | None = None) -> None:
        self.waiting.pop(0).set_result(error)
        await turns()


async def turns() -> None:
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    kafka = Kafka()
    monkeypatch.setattr(record_queue, "LEAST_SECONDS_APART", 0.0)
    monkeypatch.setattr(record_queue, "MOST_SECONDS_APART", 0.0)
    monkeypatch.setattr(record_queue, "publish_part", kafka.publish_part)
    return kafka


@pytest.fixture
def queue() -> GroupCommit:
    return GroupCommit(None)  # type: ignore[arg-type] - only publish_part needs the producer


async def test_what_comes_in_one_turn_leaves_together_and_the_next_with_the_answer(
    kafka, queue
) -> None:
    answers: list[Ack | PublishError] = []
    for number in range(3):
        assert queue.offer(record(number), 0, answers.append) is not None
    await turns()
    for number in range(3, 5):
        queue.offer(record(number), 0, answers.append)
    await turns()
    assert kafka.batches == [(0, [b"0", b"1", b"2"])]
    await kafka.answer()
    assert kafka.batches[1:] == [(0, [b"3", b"4"])]
    assert [answer.offset for answer in answers if isinstance(answer, Ack)] == [0, 1, 2]
    await kafka.answer()
    assert len(answers) == 5


async def test_partitions_do_not_wait_for_each_other(kafka, queue) -> None:
    queue.offer(record(1), 0, [].append)
    await turns()
    queue.offer(record(2), 1, [].append)
    await turns()
    assert kafka.batches == [(0, [b"1"]), (1, [b"2"])]


async def test_while_records_keep_coming_they_wait_for_each_other(
    kafka, queue, monkeypatch
) -> None:
    monkeypatch.setattr(record_queue, "SECONDS_TO_NEXT_LOOK", 0.0)
    is_over = True
    monkeypatch.setattr(record_queue, "is_time_to_leave", lambda *_: is_over)
    queue.offer(record(0), 0, [].append)
    await turns()
    is_over = False
    for number in range(1, 4):
        queue.offer(record(number), 1, [].append)
        await turns()
    assert kafka.batches == [(0, [b"0"])]
    is_over = True
    await turns()
    assert kafka.batches == [(0, [b"0"]), (1, [b"1", b"2", b"3"])]


@pytest.mark.parametrize(
    ("came", "in_seconds", "waiting", "seconds", "is_leaving"),
    [
        (3, LEAST_SECONDS_APART, 3, LEAST_SECONDS_APART, False),
        (2, LEAST_SECONDS_APART, 3, LEAST_SECONDS_APART, True),
        (2, SECONDS_TO_NEXT_LOOK, 5, LEAST_SECONDS_APART + SECONDS_TO_NEXT_LOOK, False),
        (1, SECONDS_TO_NEXT_LOOK, 5, LEAST_SECONDS_APART + SECONDS_TO_NEXT_LOOK, True),
        (3, LEAST_SECONDS_APART, ENOUGH, LEAST_SECONDS_APART, True),
        (3, LEAST_SECONDS_APART, ENOUGH - 1, LEAST_SECONDS_APART, False),
        (3, LEAST_SECONDS_APART, 3, MOST_SECONDS_APART, True),
        (1, LEAST_SECONDS_APART, 1, 3600.0, True),
    ],
)
def test_they_leave_when_the_stream_ends_when_they_are_enough_and_in_time(
    came, in_seconds, waiting, seconds, is_leaving
) -> None:
    assert is_time_to_leave(came, in_seconds, waiting, seconds) is is_leaving


async def test_who_withdraws_in_line_is_not_published_and_hears_nothing(kafka, queue) -> None:
    answers: list[Ack | PublishError] = []
    queue.offer(record(1), 0, answers.append)
    await turns()
    offer = queue.offer(record(2), 0, answers.append)
    queue.offer(record(3), 0, answers.append)
    offer.withdraw()
    await kafka.answer()
    assert kafka.batches[1:] == [(0, [b"3"])]
    await kafka.answer()
    assert len(answers) == 2


async def test_an_unforeseen_error_is_everybodys_answer_and_the_line_goes_on(kafka, queue) -> None:
    answers: list[Ack | PublishError] = []
    for number in range(2):
        queue.offer(record(number), 0, answers.append)
    await turns()
    await kafka.answer(ZeroDivisionError("a bug"))
    assert [type(answer) for answer in answers] == [PublishError, PublishError]
    queue.offer(record(3), 0, answers.append)
    await turns()
    await kafka.answer()
    assert isinstance(answers[-1], Ack)


async def test_an_error_of_one_listener_is_not_the_others(kafka, queue) -> None:
    answers: list[Ack | PublishError] = []

    def broken(_answer: Ack | PublishError) -> None:
        raise ZeroDivisionError

    queue.offer(record(1), 0, broken)
    queue.offer(record(2), 0, answers.append)
    await turns()
    await kafka.answer()
    queue.offer(record(3), 0, answers.append)
    await turns()
    await kafka.answer()
    assert len(answers) == 2


async def test_departures_keep_apart_but_the_first_leaves_at_once(
    kafka, queue, monkeypatch
) -> None:
    monkeypatch.setattr(record_queue, "LEAST_SECONDS_APART", 0.05)
    loop = asyncio.get_running_loop()
    started = loop.time()
    queue.offer(record(0), 0, [].append)
    await turns()
    assert kafka.batches == [(0, [b"0"])]
    queue.offer(record(1), 1, [].append)
    queue.offer(record(2), 2, [].append)
    await turns()
    assert len(kafka.batches) == 1
    async with asyncio.timeout(5):
        while len(kafka.batches) < 3:
            await asyncio.sleep(0.001)
    assert loop.time() - started >= 0.05
    assert kafka.batches[1:] == [(1, [b"1"]), (2, [b"2"])]


async def test_a_line_has_an_end(kafka, queue) -> None:
    queue.offer(record(0), 0, [].append)
    await turns()
    places = [queue.offer(record(number), 0, [].append) for number in range(MAX_WAITING + 1)]
    assert places[-1] is None
    assert None not in places[:-1]


async def test_stopping_ends_what_is_on_its_way(kafka, queue) -> None:
    answers: list[Ack | PublishError] = []
    queue.offer(record(0), 0, answers.append)
    await turns()
    await queue.stop()
    assert kafka.waiting[0].cancelled()
    assert answers == []
