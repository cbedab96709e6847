"""What has no leader is named, in time; what ends too early is refused."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from stream.errors import BrokerError, LogCutError, NoLeaderError
from stream.kafka.log import edges as module
from stream.kafka.log.edges import log_edges, still_there, why_silent

ONE, TWO = TopicPartition("magento.orders", 1), TopicPartition("magento.orders", 2)


class Consumer:
    """An AIOKafkaConsumer's questions: what it does not know, it waits for, or refuses."""

    def __init__(self, *, begins=None, ends=None, leaders=None, refuses=False):
        self._begins, self._ends, self._refuses = begins or {}, ends or {}, refuses
        found = {ONE: 1, TWO: 1} if leaders is None else leaders
        cluster = SimpleNamespace(
            leader_for_partition=found.get, partitions_for_topic=lambda _topic: {1, 2}
        )
        self._client = SimpleNamespace(cluster=cluster)

    async def end_offsets(self, pairs):
        return await self._found(self._ends, pairs)

    async def beginning_offsets(self, pairs):
        return await self._found(self._begins, pairs)

    async def _found(self, known, pairs):
        if self._refuses:
            raise KafkaTimeoutError
        if not known.keys() >= set(pairs):
            await asyncio.Event().wait()
        return {pair: known[pair] for pair in pairs}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(module, "EDGE_SECONDS", 0.01)


@pytest.mark.parametrize("leaders", [{ONE: 1, TWO: -1}, {ONE: 1}])
@pytest.mark.parametrize("refuses", [True, False])
async def test_a_partition_without_leader_is_named_with_the_way_out(leaders, refuses):
    with pytest.raises(NoLeaderError, match=r"no leader for magento\.orders-2: .*doctor") as caught:
        await log_edges(Consumer(leaders=leaders, refuses=refuses), [ONE, TWO])
    assert caught.value.partitions == [("magento.orders", 2)]


async def test_leaders_that_do_not_answer_are_no_missing_leaders():
    with pytest.raises(BrokerError, match="did not answer: TimeoutError") as caught:
        await log_edges(Consumer(), [ONE, TWO])
    assert not isinstance(caught.value, NoLeaderError)


async def test_a_log_that_ends_before_what_is_waited_for_was_cut():
    with pytest.raises(
        LogCutError, match=r"magento\.orders-1 went back .* reached 9, .* ends at 7"
    ):
        await why_silent(Consumer(ends={ONE: 7}), {ONE: 9})


async def test_a_silence_without_a_cut_is_explained():
    assert await why_silent(Consumer(ends={ONE: 9}), {ONE: 9}) == "magento.orders-1"
    assert "no leader for" in await why_silent(Consumer(leaders={}), {ONE: 9})


async def test_what_retention_took_is_passed_over_and_a_cut_is_not():
    consumer = Consumer(begins={ONE: 5, TWO: 0}, ends={ONE: 9, TWO: 3})
    assert await still_there(consumer, {ONE: 2}) == {ONE: 5}
    with pytest.raises(LogCutError, match=r"orders-2"):
        await still_there(consumer, {ONE: 2, TWO: 4})
