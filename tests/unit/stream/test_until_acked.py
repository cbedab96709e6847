from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import TOO_LARGE_BYTES, FakePublisher

from stream.errors import FencedError
from stream.kafka.blocking_publish import (
    REPEAT,
    BlockingPublish,
)
from stream.kafka.publisher import Record
from stream.ops.alerts import Alert, Alerts

RECORDS = [Record("t", str(n).encode(), b"v", partition=n % 4) for n in range(10)]


def until_acked(publisher, alerts, **options):
    return BlockingPublish(publisher, alerts=alerts, tick_seconds=0.01, **options)


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_every_record_is_acknowledged_in_its_order():
    acks = await BlockingPublish(FakePublisher(), alerts=Alerts())(RECORDS)
    assert [ack.partition for ack in acks] == [n % 4 for n in range(10)]
    assert [ack.offset for ack in acks] == [n // 4 for n in range(10)]


async def test_only_what_failed_is_sent_again():
    publisher = FakePublisher()
    publisher.fail_next(3)
    acks = await BlockingPublish(publisher, alerts=Alerts())(RECORDS)
    assert len(acks) == 10
    assert len(publisher.attempts) == 13
    assert sorted(record.key for record in publisher.records) == [r.key for r in RECORDS]


async def test_a_publisher_that_fails_twice_raises_no_alert():
    publisher, alerts = FakePublisher(), Alerts()
    publisher.fail_next(2)
    await BlockingPublish(publisher, alerts=alerts)(RECORDS[:1])
    assert alerts.active == {}
    assert len(publisher.records) == 1


async def test_silence_raises_the_alert_and_the_answer_resolves_it():
    publisher, alerts = FakePublisher(), Alerts()
    publisher.hang()
    publish = until_acked(publisher, alerts, blocked_after_seconds=0.05)
    task = asyncio.create_task(publish(RECORDS))
    await until(lambda: Alert.PUBLISH_BLOCKED in alerts.active)
    assert not task.done()
    publisher.answer()
    assert len(await task) == 10
    assert alerts.active == {}


class LeaderlessPartition:
    """A publisher of which one partition does not answer."""

    def __init__(self, number):
        self.number, self.leaderless, self.others = number, FakePublisher(), FakePublisher()
        self.leaderless.hang()

    async def publish_each(self, records):
        is_there = records[0].partition == self.number
        return await (self.leaderless if is_there else self.others).publish_each(records)


async def test_one_that_gets_through_does_not_resolve_the_alert_of_one_that_is_blocked():
    """Several batches are in flight: a partition without a leader blocks only some of them."""
    publisher, alerts, told = LeaderlessPartition(0), Alerts(), []
    alerts.listeners.append(lambda alert, detail: told.append((alert, detail is not None)))
    publish = until_acked(publisher, alerts, blocked_after_seconds=0.05)
    blocked = asyncio.create_task(publish(RECORDS[:1]))
    await until(lambda: Alert.PUBLISH_BLOCKED in alerts.active)
    assert len(await publish(RECORDS[1:2])) == 1
    assert Alert.PUBLISH_BLOCKED in alerts.active
    publisher.leaderless.answer()
    await blocked
    assert alerts.active == {}
    assert told == [(Alert.PUBLISH_BLOCKED, True), (Alert.PUBLISH_BLOCKED, False)]


async def test_a_record_too_large_for_its_topic_is_never_given_up_and_alerts_at_once():
    publisher, alerts = FakePublisher(), Alerts()
    publish = until_acked(publisher, alerts)
    task = asyncio.create_task(publish([Record("dlq", b"1", b"x" * (TOO_LARGE_BYTES + 1))]))
    await until(lambda: Alert.PUBLISH_BLOCKED in alerts.active)
    assert alerts.active[Alert.PUBLISH_BLOCKED] == "dlq: the record is too large"
    await until(lambda: len(publisher.attempts) >= 3)
    assert not task.done()
    task.cancel()


class Fence:
    """`check` raises from the moment on when the group goes on without us."""

    def __init__(self, is_lost=lambda: False):
        self.is_lost, self.is_certain = is_lost, True

    def check(self):
        if self.is_lost():
            raise FencedError("others own our partitions")


async def test_a_lost_generation_publishes_nothing():
    publisher = FakePublisher()
    publish = until_acked(publisher, Alerts(), check_alive=Fence(lambda: True).check)
    with pytest.raises(FencedError):
        await publish(RECORDS)
    assert publisher.attempts == []


async def test_a_generation_that_is_lost_meanwhile_ends_a_wait_for_an_answer():
    publisher, lost = FakePublisher(), asyncio.Event()
    publisher.hang()
    publish = until_acked(publisher, Alerts(), check_alive=Fence(lost.is_set).check)
    task = asyncio.create_task(publish(RECORDS))
    await asyncio.sleep(0)
    lost.set()
    with pytest.raises(FencedError):
        await task
    assert publisher.records == []


async def test_a_generation_that_is_lost_meanwhile_ends_the_pause_between_attempts():
    publisher = FakePublisher()
    publisher.fail_next(10**9)
    fence = Fence(lambda: len(publisher.attempts) > 30)
    with pytest.raises(FencedError):
        await until_acked(publisher, Alerts(), check_alive=fence.check)(RECORDS)


async def test_nothing_is_sent_while_our_place_in_the_group_is_not_certain():
    publisher, fence, alerts = FakePublisher(), Fence(), Alerts()
    fence.is_certain = False
    publish = until_acked(
        publisher, alerts, may_send=lambda: fence.is_certain, blocked_after_seconds=0.05
    )
    task = asyncio.create_task(publish(RECORDS))
    await until(lambda: Alert.PUBLISH_BLOCKED in alerts.active)
    assert publisher.attempts == []
    fence.is_certain = True
    assert len(await task) == 10


async def test_a_cancelled_wait_leaves_no_task_behind():
    publisher = FakePublisher()
    publisher.hang()
    before = asyncio.all_tasks()
    task = asyncio.create_task(until_acked(publisher, Alerts())(RECORDS))
    await until(lambda: len(asyncio.all_tasks()) == len(before) + 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: asyncio.all_tasks() == before)


async def test_a_cancelled_wait_that_was_blocked_leaves_no_alert_behind():
    """Nothing waits any more, and nobody else would ever resolve it."""
    publisher, alerts = FakePublisher(), Alerts()
    publisher.hang()
    publish = until_acked(publisher, alerts, blocked_after_seconds=0.05)
    tasks = [asyncio.create_task(publish(RECORDS)) for _ in range(2)]
    await until(lambda: len(publish._blocked) == len(tasks))
    for task, is_last in zip(tasks, (False, True), strict=True):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (Alert.PUBLISH_BLOCKED in alerts.active) is not is_last


@given(st.integers(min_value=1, max_value=10**6), st.floats(min_value=0, max_value=1))
def test_a_pause_is_never_longer_than_the_cap(attempt, chance):
    assert 0 <= REPEAT.drawn_seconds(attempt, chance) <= REPEAT.cap_seconds


def test_the_cap_of_the_pause_doubles():
    assert [REPEAT.drawn_seconds(attempt, 1.0) for attempt in (1, 2, 3, 9)] == [0.2, 0.4, 0.8, 5.0]
