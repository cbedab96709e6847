"""A delivery that need not wait is done without tasks; one that must is watched like Faust's own.

And a rebalance goes back over everything that is not committed, even where nothing is.
"""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from mode import Service

from agents.prompt_consumer import PromptConsumer


class Bare(PromptConsumer):
    """The consumer as a service, without Kafka."""

    def __init__(self):
        Service.__init__(self)


@pytest.fixture
async def consumer():
    return Bare()


async def suspended(event):
    await event.wait()


async def test_a_delivery_that_need_not_wait_is_done_before_anything_else_runs(consumer):
    done, ran = [], []
    asyncio.get_running_loop().call_soon(ran.append, "something else")

    async def deliver():
        done.append("delivered")

    await consumer.wait_first(deliver(), suspended(asyncio.Event()))

    assert done == ["delivered"]
    assert ran == []


async def test_a_delivery_that_waits_for_room_goes_on_when_there_is_some(consumer):
    queue, done = asyncio.Queue(maxsize=1), []
    queue.put_nowait("first")

    async def deliver():
        await queue.put("second")
        await asyncio.sleep(0)
        done.append("delivered")

    waiting = asyncio.create_task(
        asyncio.wait_for(consumer.wait_first(deliver(), suspended(asyncio.Event())), 5)
    )
    await asyncio.sleep(0)
    assert done == []
    assert queue.get_nowait() == "first"
    await waiting

    assert queue.get_nowait() == "second"
    assert done == ["delivered"]


async def test_a_rebalance_ends_a_delivery_that_waits(consumer):
    queue, rebalance, ends = asyncio.Queue(maxsize=1), asyncio.Event(), []
    queue.put_nowait("first")

    async def deliver():
        try:
            await queue.put("second")
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    waiting = asyncio.create_task(
        asyncio.wait_for(consumer.wait_first(deliver(), suspended(rebalance)), 5)
    )
    await asyncio.sleep(0)
    rebalance.set()
    await waiting
    await asyncio.sleep(0)

    assert ends == ["cancelled"]
    assert queue.qsize() == 1


@pytest.mark.parametrize("has_to_wait", [False, True])
async def test_an_error_of_a_delivery_is_raised(consumer, has_to_wait):
    async def deliver():
        if has_to_wait:
            await asyncio.sleep(0)
        raise LookupError("no such channel")

    with pytest.raises(LookupError, match="no such channel"):
        await consumer.wait_first(deliver(), suspended(asyncio.Event()))


async def test_a_stop_of_the_consumer_ends_a_wait_as_before(consumer):
    consumer._stopped.set()

    async def deliver():
        await asyncio.Event().wait()

    results = await asyncio.wait_for(consumer.wait_first(deliver(), suspended(asyncio.Event())), 5)

    assert results.stopped


async def test_other_waits_are_left_to_faust(consumer):
    event = asyncio.Event()
    event.set()

    results = await asyncio.wait_for(consumer.wait_first(event, timeout=5), 5)

    assert results.done == [event]


class Thread:
    """What the consumer asks of its thread; `error` is what a seek ends with."""

    def __init__(self, committed, error=None):
        self._committed, self._error = committed, error
        self.rewound = set()

    async def seek_to_committed(self):
        return self._committed

    async def seek_to_beginning(self, *partitions):
        assert partitions, "no partitions would mean all of them"
        assert all(isinstance(partition, TopicPartition) for partition in partitions)
        self.rewound = set(partitions)
        if self._error:
            raise self._error


NEW, AT_START, READ = (TopicPartition("orders", number) for number in range(3))


async def test_partitions_without_a_commit_go_back_to_their_beginning(consumer):
    consumer._thread = Thread({NEW: None, AT_START: 0, READ: 17})
    assert await consumer.seek_to_committed() == {NEW: None, AT_START: 0, READ: 17}
    assert consumer._thread.rewound == {NEW, AT_START}


async def test_where_everything_is_committed_nothing_goes_back_further(consumer):
    consumer._thread = Thread({READ: 17})
    await consumer.seek_to_committed()
    assert consumer._thread.rewound == set()


async def test_a_partition_that_was_taken_away_meanwhile_is_left_to_the_next_rebalance(consumer):
    consumer._thread = Thread({NEW: None}, IllegalStateError("not assigned"))
    assert await consumer.seek_to_committed() == {NEW: None}
