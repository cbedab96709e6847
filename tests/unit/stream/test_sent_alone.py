"""A record that a batch was too large with goes alone, into the partition it was meant for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import MessageSizeTooLargeError

import stream.kafka.producer as producer_module
from stream.config import Settings
from stream.kafka.partitioner import partition_of
from stream.kafka.publisher import KafkaPublisher, Record

PARTITIONS = frozenset(range(8))


class Producer:
    """Refuses what travels in company as too large, and takes what travels alone."""

    def __init__(self, _settings, *, max_batch_bytes=0, compression=""):
        assert (compression == "gzip") is (max_batch_bytes == 1)
        self.is_lonely = max_batch_bytes == 1
        self.client = self.cluster = self

    def add_topic(self, topic):
        pass

    def partitions_for_topic(self, _topic):
        return PARTITIONS

    async def partitions_for(self, _topic):
        return PARTITIONS

    async def start(self):
        pass

    async def stop(self):
        pass

    def create_batch(self):
        return SimpleNamespace(append=lambda **_record: SimpleNamespace(timestamp=1))

    async def send_batch(self, _batch, _topic, *, partition):
        return self._refused(partition)

    async def send(self, _topic, _value, *, partition, **_record):
        return self._refused(partition)

    async def send_and_wait(self, topic, _value, *, partition, **_record):
        assert self.is_lonely
        return SimpleNamespace(topic=topic, partition=partition, offset=0, timestamp=1)

    def _refused(self, partition):
        assert partition is not None
        refused = asyncio.get_running_loop().create_future()
        refused.set_exception(MessageSizeTooLargeError())
        return refused


@pytest.fixture
async def publisher(monkeypatch):
    monkeypatch.setattr(producer_module, "create_producer", Producer)
    publisher = KafkaPublisher(Settings(_env_file=None))
    await publisher.start()
    yield publisher
    await publisher.stop()


def meant_for(key: bytes) -> int:
    return partition_of(key, tuple(sorted(PARTITIONS)))


@pytest.mark.parametrize("way", ["publish", "publish_each", "offer"])
async def test_it_stays_with_the_events_it_has_to_meet(publisher, way: str) -> None:
    record = Record("magento.customers", b"customer 7", b"{}", goes_with=b"order 1")
    place = meant_for(b"order 1")
    assert place != meant_for(b"customer 7")
    if way == "publish":
        ack = await publisher.publish(record, timeout_seconds=5)
    elif way == "publish_each":
        (ack,) = await publisher.publish_each([record])
    else:
        answer = asyncio.get_running_loop().create_future()
        assert publisher.offer(record, answer.set_result) is not None
        ack = await asyncio.wait_for(answer, 5)
    assert ack.partition == place
