"""What reaches the agent is taken in order, once in a generation, and nothing is passed over."""

from types import SimpleNamespace

import pytest
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP
from support.bare_consumer import Bare, Thread

from agents.worker.faust_fence import FencedConsumer

HERE, THERE = TP("magento.orders", 2), TP("magento.orders", 3)


class Fenced(Bare, FencedConsumer):
    """As a worker has it."""


@pytest.fixture
async def consumer():
    return Fenced()


async def begins(consumer, generation, **offsets):
    """A rebalance is over: partitions are sought to where they are read on."""
    consumer.app.consumer_generation_id = generation
    consumer._thread = Thread({HERE: offsets.get("here", 0), THERE: offsets.get("there", 0)})
    await consumer.seek_to_committed()


async def taken(consumer, generation, *offsets, tp=HERE):
    return [offset for offset in offsets if await consumer.is_next(tp, offset, generation)]


async def test_what_comes_in_order_is_taken(consumer):
    await begins(consumer, 1, here=20)
    assert await taken(consumer, 1, 20, 21, 22) == [20, 21, 22]
    assert await taken(consumer, 1, 0, 1, tp=THERE) == [0, 1]
    assert consumer.sought == []


async def test_what_a_cleared_queue_lost_is_read_again(consumer):
    """Faust clears the agent's queue when a second recovery ends: 23 stood in it."""
    await begins(consumer, 1)
    assert await taken(consumer, 1, *range(23)) == list(range(23))
    assert await taken(consumer, 1, 24, 25, 26) == []
    assert consumer.sought == [{HERE: 23}], "once, however much is behind it"
    assert (consumer._read_offset[HERE], consumer.expected[HERE]) == (23, 23)
    assert await taken(consumer, 1, 23, 24, 25) == [23, 24, 25]
    assert await taken(consumer, 1, 28) == []
    assert consumer.sought == [{HERE: 23}, {HERE: 26}]


async def test_what_retention_has_removed_is_passed_over(consumer):
    await begins(consumer, 1, here=5)
    consumer.read_log.first[HERE] = 9
    assert await taken(consumer, 1, 9, 10) == [9, 10]
    assert consumer.sought == []


async def test_in_one_generation_nothing_is_taken_twice(consumer):
    """A second recovery of the same generation seeks back behind what is in hand."""
    await begins(consumer, 1)
    assert await taken(consumer, 1, 0, 1, 2) == [0, 1, 2]
    await begins(consumer, 1)
    assert await taken(consumer, 1, 0, 1, 2, 3) == [3]


async def test_another_generation_begins_where_its_commits_are(consumer):
    await begins(consumer, 1)
    await taken(consumer, 1, *range(9))
    await begins(consumer, 2, here=4)
    assert await taken(consumer, 2, 4, 5) == [4, 5]
    assert await taken(consumer, 1, 6) == [], "of a generation that is over"
    assert await taken(consumer, 2, 6) == [6]


async def test_before_partitions_were_sought_nothing_is_taken(consumer):
    """It comes again: the recovery of its generation seeks, and nothing is committed past it."""
    assert await taken(consumer, 1, 0) == []
    await begins(consumer, 1)
    assert await taken(consumer, 1, 0) == [0]


async def test_what_the_fence_dropped_is_taken_again_whatever_the_generation_is_called(consumer):
    await begins(consumer, 1)
    await taken(consumer, 1, *range(9))
    consumer.forget_entered()
    assert await taken(consumer, 1, 9) == []
    await begins(consumer, 1, here=3)
    assert await taken(consumer, 1, 3, 4) == [3, 4]


async def test_what_was_cleared_is_read_again_though_nothing_follows(consumer, monkeypatch):
    async def getmany(_self, _timeout):
        for offset in range(5):
            yield HERE, SimpleNamespace(offset=offset, value=b"v")

    monkeypatch.setattr(Consumer, "getmany", getmany)
    await begins(consumer, 1)
    assert [message.offset async for _, message in consumer.getmany(1.0)] == list(range(5))
    assert await taken(consumer, 1, 0, 1) == [0, 1]
    consumer.resume_flow()  # Faust does it when it has cleared the queues
    async for _ in consumer.getmany(1.0):
        pass
    assert consumer.sought == [{HERE: 2}]


async def test_a_rebalance_while_the_broker_is_asked_keeps_its_own_books(consumer, monkeypatch):
    """Else what the fence dropped would count as taken in the generation that follows."""

    async def has_records(_tp, _start, _end):
        consumer.forget_entered()
        await begins(consumer, 2, here=3)
        return False

    await begins(consumer, 1)
    await taken(consumer, 1, *range(5))
    monkeypatch.setattr(consumer.read_log, "has_records", has_records)
    assert await taken(consumer, 1, 9) == []
    monkeypatch.undo()
    assert await taken(consumer, 2, 3, 4, 5) == [3, 4, 5]
