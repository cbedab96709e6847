"""A delivery that need not wait is done without tasks; one that must is watched like Faust's own.

And a rebalance goes back over everything that is not committed, even where nothing is.
"""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP
from support.bare_consumer import Bare, Thread


@pytest.fixture
async def consumer():
    return Bare()


async def test_fausts_own_look_for_a_stand_asks_nobody(consumer):
    """It reads positions that a partition has not, while its log is compared."""
    consumer.verify_event_path(0.0, TP("orders", 0))


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


ORDERS, OTHERS = TP("magento.orders", 3), TP("magento.orders", 1)


async def fetched(consumer, monkeypatch, *records):
    """Let Faust have fetched (partition, offset) records; return what is passed on of them."""

    async def getmany(_self, _timeout):
        for tp, offset in records:
            yield tp, SimpleNamespace(offset=offset, value=b"v")

    monkeypatch.setattr(Consumer, "getmany", getmany)
    passed = [(tp, message.offset) async for tp, message in consumer.getmany(1.0)]
    consumer._read_offset.update(passed)
    return [offset for _tp, offset in passed]


async def committed(consumer, monkeypatch, offsets):
    async def seek_to_committed(_self):
        return offsets

    monkeypatch.setattr(Consumer, "seek_to_committed", seek_to_committed)
    await consumer.seek_to_committed()
    consumer._read_offset.update(offsets)


async def test_records_that_were_skipped_are_read_after_all(consumer, monkeypatch):
    await committed(consumer, monkeypatch, {ORDERS: 68, OTHERS: 98})
    records = [(ORDERS, 124), (OTHERS, 98), (ORDERS, 125), (OTHERS, 99)]
    assert await fetched(consumer, monkeypatch, *records) == [98, 99]
    assert consumer.sought == [{ORDERS: 68}]
    assert await fetched(consumer, monkeypatch, (ORDERS, 68), (ORDERS, 69)) == [68, 69]
    assert len(consumer.sought) == 1


async def test_a_partition_that_was_paused_amid_a_fetch_is_read_on_behind_what_it_gave(
    consumer, monkeypatch
):
    """Seen on three brokers: ten orders that stayed unread until the next of their partition."""
    await committed(consumer, monkeypatch, {ORDERS: 68, OTHERS: 98})
    assert await fetched(consumer, monkeypatch, (ORDERS, 68), (OTHERS, 98)) == [68, 98]
    await consumer.go_back_to_last({ORDERS})
    assert consumer.sought == [{ORDERS: 69}]


async def test_one_skipped_record_is_enough(consumer, monkeypatch):
    await committed(consumer, monkeypatch, {ORDERS: 68})
    assert await fetched(consumer, monkeypatch, (ORDERS, 68), (ORDERS, 70)) == [68]
    assert consumer.sought == [{ORDERS: 69}]


async def test_records_that_faust_will_drop_do_not_count_as_read(consumer, monkeypatch):
    await committed(consumer, monkeypatch, {ORDERS: 68})
    consumer._read_offset[ORDERS] = 124  # of the time before: the seek is not quite over
    await fetched(consumer, monkeypatch, (ORDERS, 68))
    consumer._read_offset[ORDERS] = 68
    assert await fetched(consumer, monkeypatch, (ORDERS, 69)) == []
    assert consumer.sought == [{ORDERS: 68}]


async def test_what_retention_has_deleted_is_passed_over(consumer, monkeypatch):
    await committed(consumer, monkeypatch, {ORDERS: 68})
    consumer.read_log.first[ORDERS] = 500
    assert await fetched(consumer, monkeypatch, (ORDERS, 500), (ORDERS, 501)) == [500, 501]
    assert consumer.sought == []


async def test_a_partition_without_a_commit_begins_at_its_first_record(consumer, monkeypatch):
    await committed(consumer, monkeypatch, {ORDERS: None})
    assert await fetched(consumer, monkeypatch, (ORDERS, 7)) == []
    assert consumer.sought == [{ORDERS: 0}]


@pytest.mark.parametrize("broker", [69, "away"])
async def test_records_that_are_there_are_never_given_up(consumer, monkeypatch, broker):
    await committed(consumer, monkeypatch, {ORDERS: 68})
    consumer.read_log.first[ORDERS] = broker
    for _ in range(50):
        assert await fetched(consumer, monkeypatch, (ORDERS, 70)) == []
    assert len(consumer.sought) == 50


async def test_what_compaction_has_removed_is_passed_over(consumer, monkeypatch):
    await committed(consumer, monkeypatch, {ORDERS: 68})
    consumer.read_log.first[ORDERS] = 70
    assert await fetched(consumer, monkeypatch, (ORDERS, 70), (ORDERS, 71)) == [70, 71]
    assert consumer.sought == []


async def test_a_record_that_should_be_behind_us_makes_its_log_suspect(consumer, monkeypatch):
    await committed(consumer, monkeypatch, {ORDERS: 68, OTHERS: 5})
    assert await fetched(consumer, monkeypatch, (ORDERS, 0), (ORDERS, 1), (OTHERS, 5)) == [5]
    assert consumer.read_log.suspected == [ORDERS]
    assert consumer.read_log.noted == [5]


async def test_a_log_that_went_back_is_read_from_where_it_agrees(consumer, monkeypatch):
    consumer.read_log.gone = {ORDERS: 30, OTHERS: 0}
    await committed(consumer, monkeypatch, {ORDERS: 68, OTHERS: 9})
    assert consumer._thread.committed == {ORDERS: 30, OTHERS: 0}
    assert consumer.sought == [{ORDERS: 30}]
    assert consumer._thread.rewound == {OTHERS}
    consumer._read_offset = {ORDERS: 30}
    assert await fetched(consumer, monkeypatch, (ORDERS, 30), (OTHERS, 0)) == [30, 0]


async def test_large_records_fill_the_agents_queue_by_their_bytes(consumer, monkeypatch):
    """Faust counts messages: four thousand orders of a megabyte each were gigabytes."""
    fetches = []

    async def getmany(_self, _timeout):
        await asyncio.sleep(0)
        fetches.append(consumer.queued)
        yield ORDERS, SimpleNamespace(offset=len(fetches), value=bytes(100_000))
        consumer.queued += 1

    monkeypatch.setattr(Consumer, "getmany", getmany)
    consumer.expected = {ORDERS: 1}
    consumer._mean_bytes = 100_000.0

    async def fetch():
        while True:
            async for _ in consumer.getmany(1.0):
                pass

    fetching = asyncio.create_task(fetch())
    await asyncio.sleep(0)
    while len(fetches) < 11:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert (len(fetches), consumer.queued) == (11, 11)
    consumer.queued = 5
    while len(fetches) < 17:
        await asyncio.sleep(0.001)
    consumer.flow_active = False  # a rebalance: nothing waits for room
    while len(fetches) < 30:
        await asyncio.sleep(0)
    fetching.cancel()
