"""Connecting is shared by all callers, whatever moment they come at."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

import stream.kafka.producer as producer_module
from stream.config import Settings
from stream.kafka.publisher import KafkaPublisher


class Producer:
    def __init__(self, gate, error=None):
        self._gate, self._error = gate, error
        self.client, self.topics = self, []

    def add_topic(self, topic):
        self.topics.append(topic)

    async def start(self):
        await self._gate
        if self._error:
            raise self._error

    async def stop(self):
        return None


@pytest.fixture
def publisher(monkeypatch):
    made = []

    def make(gate, error=None):
        def create(_settings):
            made.append(Producer(gate, error))
            return made[-1]

        async def close(_producer):
            return None

        monkeypatch.setattr(producer_module, "create_producer", create)
        monkeypatch.setattr(producer_module, "close_producer", close)
        settings = Settings(_env_file=None, kafka_bootstrap_servers="127.0.0.1:9")
        return KafkaPublisher(settings), made

    return make


@pytest.mark.timeout(10)
async def test_a_caller_in_the_very_moment_of_connecting_does_not_block_the_loop(publisher):
    """Between the end of the attempt and its callbacks, other tasks of the same turn run."""
    gate = asyncio.get_running_loop().create_future()
    subject, made = publisher(gate)
    first = asyncio.create_task(subject.connected())
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the attempt waits at the gate now

    async def next_in_line():
        await gate  # woken right behind the attempt, in the same turn of the loop
        return await subject.connected()

    second = asyncio.create_task(next_in_line())
    await asyncio.sleep(0)
    gate.set_result(None)
    async with asyncio.timeout(5):
        assert await first is await second is made[0]
    assert len(made) == 1


@pytest.mark.timeout(10)
async def test_a_failed_attempt_is_told_to_all_its_callers_and_the_next_one_tries_again(publisher):
    gate = asyncio.get_running_loop().create_future()
    subject, made = publisher(gate, KafkaConnectionError("refused"))
    callers = [asyncio.create_task(subject.connected()) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set_result(None)
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in answers] == [KafkaConnectionError] * 3
    with pytest.raises(KafkaConnectionError):
        await subject.connected()
    assert len(made) == 2
