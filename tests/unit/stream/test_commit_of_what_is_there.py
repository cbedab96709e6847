"""A commit leaves out topics that are gone, and none that one broker does not know yet."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from stream.kafka import group_answers
from stream.kafka.group_answers import commit_what_is_there

ORDERS, GONE = TopicPartition("magento.orders", 0), TopicPartition("magento.customers", 0)


class Consumer:
    """Commits only where every topic is known; each look at the cluster knows what it is told."""

    def __init__(self, *looks: set[str]) -> None:
        self.known: set[str] = set()
        self.looks = list(looks)
        self.committed: dict = {}
        self._client = SimpleNamespace(force_metadata_update=self.look)

    async def look(self) -> None:
        if self.looks:
            self.known = self.looks.pop(0)

    def partitions_for_topic(self, topic):
        return {0} if topic in self.known else None

    async def commit(self, offsets) -> None:
        if not {pair.topic for pair in offsets} <= self.known:
            await asyncio.Event().wait()
        self.committed |= offsets


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(group_answers, "COMMIT_SECONDS", 0.01)
    monkeypatch.setattr(group_answers, "AGAIN_SECONDS", 0.0)


async def test_a_broker_that_has_just_begun_makes_no_commit_forgotten():
    """The only broker restarts: its first answer knows no topic, and nothing was committed."""
    consumer = Consumer(set(), {ORDERS.topic, GONE.topic})
    await commit_what_is_there(consumer, {ORDERS: 5, GONE: 7})
    assert consumer.committed == {ORDERS: 5, GONE: 7}


async def test_a_topic_that_stays_away_is_left_out():
    consumer = Consumer({ORDERS.topic}, {ORDERS.topic})
    await commit_what_is_there(consumer, {ORDERS: 5, GONE: 7})
    assert consumer.committed == {ORDERS: 5}
