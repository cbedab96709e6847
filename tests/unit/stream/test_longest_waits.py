"""No record holds up its tier for longer than its delay, whatever a clock or a header said."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from stream.kafka.publisher import Ack
from stream.retry.longest_waits import SLACK_SECONDS, LongestWaits
from stream.retry.relay import Relay
from stream.topics import Topics

TOPICS = Topics(retry_delays_seconds=(30, 3600))
TIER, HOUR = (TopicPartition(name, 0) for name in TOPICS.retry_tiers)
YEAR_MS = 365 * 24 * 3_600_000


class Consumer:
    """What the relay asks of its consumer to let a partition wait."""

    def __init__(self, *_topics, **_options) -> None:
        self.waits: set[TopicPartition] = set()
        self.end = 0

    def pause(self, tp) -> None:
        self.waits.add(tp)

    def resume(self, tp) -> None:
        self.waits.discard(tp)

    def seek(self, _tp, _offset) -> None:
        pass

    def highwater(self, _tp) -> int:
        return self.end

    def assignment(self) -> set[TopicPartition]:
        return {TIER, HOUR}


class World:
    """A relay in front of one partition. `now` and `passed`: its two clocks, in seconds."""

    def __init__(self, monkeypatch) -> None:
        self.now, self.passed, self.forwarded = 0.0, 0.0, []
        consumer = Consumer()
        monkeypatch.setattr(Relay, "_new_consumer", lambda _relay: consumer)
        self.consumer = consumer
        self.relay = Relay(
            topics=TOPICS,
            group="g",
            connection={},
            publish_all=self.publish_all,
            read_log=SimpleNamespace(note=lambda *_: None, caught_up=lambda _: None),
            longest=LongestWaits(TOPICS, settle_seconds=0, clock=lambda: self.passed),
            clock_ms=lambda: int(self.now * 1000),
        )

    async def publish_all(self, records):
        self.forwarded += [record.value for record in records]
        return [Ack(record.topic, 0, 0, 0) for record in records]

    async def look(self, tp, *not_before_ms: int | None) -> int:
        """One turn over the records that are left; returns how many went."""
        self.consumer.end = max(self.consumer.end, len(not_before_ms))
        self.relay._wake_due_partitions()
        if tp in self.consumer.waits:
            return 0
        first = len(self.forwarded)
        records = [
            SimpleNamespace(
                topic=tp.topic,
                partition=0,
                offset=offset,
                timestamp=0,
                key=b"k",
                value=b"%d" % offset,
                headers=[("not-before-ms", b"%d" % moment)] if moment is not None else [],
            )
            for offset, moment in enumerate(not_before_ms)
        ]
        self.relay._forward(tp, records[first:])
        await self.relay._forwards.moment()
        self.consumer.waits = set(self.relay._wake_at)  # as after the commit
        ended = self.relay._forwards.ended()
        for pair in ended:
            self.relay._forwards.forget(pair)
        return sum(forward.count for forward in ended.values())

    def wait(self, seconds: float, *, clock: bool = True) -> None:
        self.passed += seconds
        self.now += seconds if clock else 0


@pytest.fixture
async def world(monkeypatch) -> World:
    return World(monkeypatch)


async def test_a_time_of_next_year_holds_nothing_up(world) -> None:
    """A worker's clock was a year ahead, for a moment; or somebody wrote the header."""
    said = [YEAR_MS, 20_000, YEAR_MS, 25_000]
    assert await world.look(TIER, *said) == 0
    world.wait(31)
    assert await world.look(TIER, *said) == 0  # it may be true yet
    world.wait(3 + SLACK_SECONDS)
    assert await world.look(TIER, *said) == 4


async def test_a_clock_of_the_relay_that_went_back_holds_nothing_up(world) -> None:
    world.now = YEAR_MS / 1000
    said = [YEAR_MS + 30_000]
    assert await world.look(TIER, *said) == 0
    world.now = 0
    world.wait(34 + SLACK_SECONDS, clock=False)
    assert await world.look(TIER, *said) == 1


async def test_what_comes_later_waits_its_own_time(world) -> None:
    assert await world.look(TIER, YEAR_MS) == 0
    world.wait(34 + SLACK_SECONDS)
    said = [YEAR_MS, int(world.now * 1000) + 30_000]
    assert await world.look(TIER, *said) == 1
    world.wait(31)
    assert await world.look(TIER, *said) == 1


async def test_each_tier_waits_its_own_delay_and_no_longer(world) -> None:
    said = [3_700_000]
    assert await world.look(HOUR, *said) == 0
    world.wait(3_690)
    assert await world.look(HOUR, *said) == 0
    world.wait(11)
    assert await world.look(HOUR, *said) == 1
