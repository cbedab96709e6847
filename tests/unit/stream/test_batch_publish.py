"""Records of many partitions at once: each partition by itself, and one wake-up for all acks."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from stream.errors import PublishError
from stream.kafka.ack_waits import AckWaits
from stream.kafka.batch_publish import publish_batches
from stream.kafka.record import Ack, Record

MOST = 3  # records of a batch
STAMP_MS = 1_700_000_000_000
TIMEOUT = KafkaTimeoutError()


class Batch:
    def __init__(self):
        self.keys = []

    def append(self, *, key, **_more):
        if len(self.keys) == MOST:
            return None
        self.keys.append(key)
        return SimpleNamespace(timestamp=STAMP_MS + len(self.keys))


class Producer:
    """Keeps each batch until the test says what the broker answers; `blocked` wait to be sent."""

    def __init__(self):
        self.sent, self.flying, self.blocked = {}, {}, {}

    def create_batch(self):
        return Batch()

    async def send_batch(self, batch, topic, *, partition):
        if partition in self.blocked:
            await self.blocked[partition]
        log = self.sent.setdefault((topic, partition), [])
        future = asyncio.get_running_loop().create_future()
        self.flying[topic, partition] = (future, len(log))
        log.extend(batch.keys)
        return asyncio.shield(future)

    def answer(self, *places, error=None):
        for topic, partition in places:
            future, offset = self.flying.pop((topic, partition))
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(
                    SimpleNamespace(topic=topic, partition=partition, offset=offset, timestamp=-1)
                )


class Shared:
    def __init__(self):
        self.current, self.ack_waits, self.replaced = Producer(), AckWaits(), []

    def replace(self, _producer, error):
        self.replaced.append(error)

    def not_taken(self, topic, _producer, error):
        return PublishError(f"{topic}: {type(error).__name__}")

    async def send_alone(self, record, partition):
        return Ack(record.topic, partition, 1_000, 0)

    def waited_for(self):
        return self.ack_waits.longer_than(0.0)


@pytest.fixture
def shared():
    return Shared()


def records(*places):
    return [Record("t", b"%d" % n, b"v", partition=partition) for n, partition in enumerate(places)]


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_each_record_has_its_own_answer_and_partitions_keep_their_order(shared):
    publishing = asyncio.ensure_future(publish_batches(shared, records(0, 1, 0, 1, 0)))
    await turns()
    assert shared.current.sent == {("t", 0): [b"0", b"2", b"4"], ("t", 1): [b"1", b"3"]}
    shared.current.answer(("t", 1))
    await turns()
    assert shared.waited_for() == [("t", 0)], "whose ack has come waits no more beside others"
    assert not publishing.done()
    shared.current.answer(("t", 0))

    acks = await publishing

    assert [(ack.partition, ack.offset, ack.timestamp_ms - STAMP_MS) for ack in acks] == [
        (0, 0, 1), (1, 0, 1), (0, 1, 2), (1, 1, 2), (0, 2, 3),
    ]  # fmt: skip
    assert shared.waited_for() == []


async def test_what_fits_into_no_batch_follows_in_the_next(shared):
    publishing = asyncio.ensure_future(publish_batches(shared, records(*[0] * 7, 1)))
    await turns()
    assert len(shared.current.sent["t", 0]) == MOST
    for place in (("t", 0), ("t", 1), ("t", 0), ("t", 0)):
        shared.current.answer(place)
        await turns()

    acks = await publishing

    assert [ack.offset for ack in acks] == [*range(7), 0]
    assert shared.current.sent["t", 0] == [b"%d" % n for n in range(7)]


async def test_who_waits_to_be_sent_keeps_nobody_else_waiting(shared):
    shared.current.blocked[0] = asyncio.get_running_loop().create_future()
    publishing = asyncio.ensure_future(publish_batches(shared, records(0, 1)))
    await turns()
    assert list(shared.current.flying) == [("t", 1)]
    assert shared.waited_for() == [("t", 0), ("t", 1)]
    shared.current.answer(("t", 1))
    await turns()
    assert shared.waited_for() == [("t", 0)]
    shared.current.blocked[0].set_exception(TIMEOUT)

    refused, ack = await publishing

    assert isinstance(refused, PublishError)
    assert ack.offset == 0
    assert shared.waited_for() == []


async def test_what_the_broker_refuses_costs_its_own_partition(shared):
    publishing = asyncio.ensure_future(publish_batches(shared, records(0, 1, 2, 2)))
    await turns()
    shared.current.answer(("t", 1), error=TIMEOUT)
    shared.current.answer(("t", 2), error=MessageSizeTooLargeError())
    shared.current.answer(("t", 0))

    ack, refused, *alone = await publishing

    assert (ack.offset, [found.offset for found in alone]) == (0, [1_000, 1_000])
    assert isinstance(refused, PublishError)
    assert len(shared.replaced) == 2


async def test_what_was_refused_is_seen_to_beside_a_partition_that_answers_nothing(shared):
    publishing = asyncio.ensure_future(publish_batches(shared, records(0, 1, 2, 2)))
    await turns()
    shared.current.answer(("t", 1), error=TIMEOUT)
    await turns()
    assert len(shared.replaced) == 1, "its producer goes no further: the others' batches, too"
    shared.current.answer(("t", 2), error=MessageSizeTooLargeError())
    await turns()
    assert len(shared.replaced) == 2
    assert shared.waited_for() == [("t", 0)]
    shared.current.answer(("t", 0))

    ack, refused, *alone = await publishing

    assert (ack.offset, [found.offset for found in alone]) == (0, [1_000, 1_000])
    assert isinstance(refused, PublishError)


async def test_who_gives_up_waits_for_no_ack(shared):
    shared.current.blocked[2] = asyncio.get_running_loop().create_future()
    publishing = asyncio.ensure_future(publish_batches(shared, records(0, 1, 2)))
    await turns()
    shared.current.answer(("t", 1))
    await turns()
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert shared.waited_for() == []
    shared.current.answer(("t", 0), error=TIMEOUT)  # nobody is left to hear of it
    await turns()


async def test_a_bug_in_the_midst_leaves_no_wait_behind(shared, monkeypatch):
    send = shared.current.send_batch

    async def sending(batch, topic, *, partition):
        if partition == 1:
            raise ZeroDivisionError
        return await send(batch, topic, partition=partition)

    monkeypatch.setattr(shared.current, "send_batch", sending)
    with pytest.raises(ExceptionGroup):
        await publish_batches(shared, records(0, 1))
    assert shared.waited_for() == []


async def test_nothing_is_nothing(shared):
    assert await publish_batches(shared, []) == []
