"""A place of a log that cannot be read: its partition waits, and nothing of the others is passed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from agents.worker import consumer_thread
from agents.worker.consumer_thread import WitnessingThread
from stream.kafka.any_records import UnreadableError

BROKEN, OTHER, GONE = (TopicPartition("magento.orders", number) for number in range(3))


class Reader:
    """An aiokafka consumer of two partitions."""

    def __init__(self) -> None:
        self.paused: set[TopicPartition] = set()
        self.resumed = asyncio.Event()
        self.sought: dict[TopicPartition, int] = {}

    def assignment(self) -> set[TopicPartition]:
        return {BROKEN, OTHER}

    def pause(self, pair) -> None:
        self.paused.add(pair)

    def resume(self, pair) -> None:
        self.paused.discard(pair)
        self.resumed.set()

    def seek(self, pair, offset) -> None:
        self.sought[pair] = offset


@pytest.fixture
def thread(monkeypatch):
    async def broken(*_args):
        raise UnreadableError(*BROKEN, 12, 13)

    monkeypatch.setattr(AIOKafkaConsumerThread, "_fetch_records", broken)
    monkeypatch.setattr(consumer_thread, "LOOK_AGAIN_SECONDS", 0.0)
    thread = object.__new__(WitnessingThread)
    thread.consumer = SimpleNamespace(expected={TP(*OTHER): 40, TP(*BROKEN): 12, TP(*GONE): 7})
    return thread


async def test_its_partition_waits_and_what_was_taken_of_others_is_taken_again(thread):
    """aiokafka had moved past it when it met the broken batch, and gave it to nobody."""
    reader = Reader()
    assert await thread._fetch_records(reader, {TP(*BROKEN), TP(*OTHER)}, 1.0) == {}
    assert reader.paused == {BROKEN}
    assert reader.sought == {BROKEN: 12, OTHER: 40}
    await reader.resumed.wait()
    assert not reader.paused
