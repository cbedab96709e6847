"""Records that another producer wrote into our topics: transactions, and bytes that are no name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from stream.kafka.log.position import find_gone_back
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.log_witness import Reading, Rung, Witness, identity_of

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(60)]

KEY = b"1"


@pytest.fixture
async def stranger(settings) -> AsyncIterator[AIOKafkaProducer]:
    """Somebody who writes in transactions: a mirror or a connector, exactly once."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        transactional_id=f"{settings.kafka_topic_prefix}stranger",
    )
    async with producer:
        yield producer


def read_up_to(offset, value):
    """What a worker remembers that has read one record, whoever's it is."""
    rung = Rung(offset, identity_of(key=KEY, value=value, headers=()))
    return Reading(offset + 1, Witness([rung]))


async def values(settings, topic):
    async with RangeReader(settings) as reader:
        batches = reader.read(await reader.spans([topic]))
        return [record.value async for batch in batches for record in batch]


async def test_an_open_transaction_is_no_log_that_went_back(settings, topics, stranger):
    """Workers read what is open; who compares what they read must see it, too."""
    orders = settings.topics.orders
    await stranger.begin_transaction()
    done = await stranger.send_and_wait(orders, b"open", key=KEY, partition=0)
    async with RangeReader(settings) as reader:
        place = (orders, 0)
        compared = await find_gone_back(reader, {place: read_up_to(done.offset, b"open")})
    await stranger.abort_transaction()
    assert not compared.gone


async def test_what_was_aborted_is_no_log_that_went_back(settings, topics, writer, stranger):
    orders = settings.topics.orders
    await stranger.begin_transaction()
    done = await stranger.send_and_wait(orders, b"aborted", key=KEY, partition=0)
    await stranger.abort_transaction()
    await writer._producer.send_and_wait(orders, b"later", key=KEY, partition=0)
    async with RangeReader(settings) as reader:
        place = (orders, 0)
        compared = await find_gone_back(reader, {place: read_up_to(done.offset, b"aborted")})
    assert not compared.gone


async def test_a_strangers_open_transaction_hides_no_state_behind_it(
    settings, topics, writer, stranger
):
    """A producer that died in its transaction may hold the end for a quarter of an hour or ever."""
    state = settings.topics.state
    await stranger.begin_transaction()
    await stranger.send_and_wait(state, b"open", key=KEY, partition=0)
    await writer._producer.send_and_wait(state, b"newest", key=KEY, partition=0)
    found = await values(settings, state)
    await stranger.abort_transaction()
    assert b"newest" in found


class Latin(str):
    """A header's name as a producer writes it that knows no UTF-8 (librdkafka takes any bytes)."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return str.encode(self, "latin-1")


@pytest.mark.parametrize("codec", [0, 4])
async def test_a_header_whose_name_is_no_text_costs_no_record(settings, topics, writer, codec):
    """One such record ended every reader of its partition, and each that came after it."""
    orders, sent = settings.topics.orders, [b"before", b"strange", b"behind"]
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers) as producer:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, -1, 1 << 20)
        for value, name in zip(sent, ("a", "Schl\xfcssel", "b"), strict=True):
            batch.append(key=KEY, value=value, timestamp=None, headers=[(Latin(name), b"1")])
        await (await producer.send_batch(batch, orders, partition=0))
    await writer._producer.send_and_wait(orders, b"later", key=KEY, partition=0)

    assert await values(settings, orders) == [*sent, b"later"]
