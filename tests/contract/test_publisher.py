"""What every Publisher promises: the fake in memory and the producer on a real broker."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from support.fakes import FakePublisher

from stream.errors import PublishError
from stream.kafka.connection import kafka_connection
from stream.kafka.publisher import Ack, KafkaPublisher, Publisher, Record
from stream.topics import MAX_MESSAGE_BYTES, Topics

PARTITIONS = 4
# Nothing makes it smaller.
HUGE = random.Random(0).randbytes(MAX_MESSAGE_BYTES + 1_000_000)


@dataclass
class Subject:
    publisher: Publisher
    topics: Topics
    read: Callable


@pytest.fixture(params=["fake", pytest.param("kafka", marks=pytest.mark.kafka)])
def real(request):
    """Settings and topics of the real broker, or None for the fake."""
    if request.param == "fake":
        return None
    return request.getfixturevalue("make_settings")(), request.getfixturevalue("topics")


@pytest.fixture
async def subject(real) -> AsyncIterator[Subject]:
    if real is None:
        fake = FakePublisher(partitions=PARTITIONS)

        async def read_fake(ack: Ack) -> Record:
            return fake.logs[ack.topic, ack.partition][ack.offset]

        yield Subject(fake, Topics(), read_fake)
        return
    settings, topics = real
    publisher = KafkaPublisher(settings)
    await publisher.start()

    async def read_kafka(ack: Ack) -> Record:
        return await _read(kafka_connection(settings), ack)

    yield Subject(publisher, topics, read_kafka)
    await publisher.stop()


async def _read(connection, ack: Ack) -> Record:
    place = TopicPartition(ack.topic, ack.partition)
    async with AIOKafkaConsumer(**connection, max_partition_fetch_bytes=2**24) as consumer:
        consumer.assign([place])
        consumer.seek(place, ack.offset)
        found = await consumer.getone()
    return Record(found.topic, found.key, found.value, found.headers, found.partition)


async def test_an_ack_names_the_place_where_the_record_is(subject):
    record = Record(subject.topics.orders, b"100", b"body", (("id", b"e1"),), partition=2)
    ack = await subject.publisher.publish(record, timeout_seconds=10)
    assert (ack.topic, ack.partition, ack.offset) == (subject.topics.orders, 2, 0)
    assert ack.timestamp_ms > 1_600_000_000_000
    found = await subject.read(ack)
    assert (found.key, found.value, tuple(found.headers)) == (b"100", b"body", (("id", b"e1"),))


async def test_the_key_decides_the_partition_and_always_the_same_one(subject):
    record = Record(subject.topics.orders, b"100", b"body")
    acks = [await subject.publisher.publish(record, timeout_seconds=10) for _ in range(3)]
    assert len({ack.partition for ack in acks}) == 1
    assert [ack.offset for ack in acks] == [0, 1, 2]


async def test_a_record_without_value_is_a_tombstone(subject):
    record = Record(subject.topics.state, b"100", None, partition=1)
    found = await subject.read(await subject.publisher.publish(record, timeout_seconds=10))
    assert found.value is None


async def test_many_records_are_answered_in_their_order(subject):
    records = [
        Record(subject.topics.results, str(number).encode(), b"x", partition=number % PARTITIONS)
        for number in range(200)
    ]
    acks = await subject.publisher.publish_each(records)
    assert [ack.partition for ack in acks] == [number % PARTITIONS for number in range(200)]
    assert [ack.offset for ack in acks] == [number // PARTITIONS for number in range(200)]


async def test_more_than_fits_into_one_batch_arrives_in_order_with_times(subject):
    topic = subject.topics.results
    bodies = [b"%d" % number * 150_000 for number in range(1, 13)]
    acks = await subject.publisher.publish_each(
        [Record(topic, b"100", body, (("id", b"e1"),), partition=2) for body in bodies]
    )
    assert [ack.offset for ack in acks] == list(range(12))
    assert all(ack.timestamp_ms > 0 for ack in acks)
    found = [await subject.read(ack) for ack in acks]
    assert [record.value for record in found] == bodies
    assert tuple(found[5].headers) == (("id", b"e1"),)


async def test_a_missing_partition_among_many_is_refused_alone(subject):
    topic = subject.topics.results
    records = [Record(topic, b"100", b"x", partition=number) for number in (0, PARTITIONS, 1)]
    answers = await subject.publisher.publish_each(records)
    assert [isinstance(answer, Ack) for answer in answers] == [True, False, True]


async def test_nothing_to_publish_is_answered_with_nothing(subject):
    assert await subject.publisher.publish_each([]) == []


async def test_a_record_of_the_allowed_size_passes(subject):
    body = b"x" * (MAX_MESSAGE_BYTES - 1024)
    ack = await subject.publisher.publish(
        Record(subject.topics.orders, b"big", body), timeout_seconds=20
    )
    assert len((await subject.read(ack)).value) == len(body)


async def test_a_record_that_is_too_large_says_so_and_harms_nobody(subject):
    topic = subject.topics.orders
    huge = Record(topic, b"huge", HUGE, partition=0)
    with pytest.raises(PublishError) as caught:
        await subject.publisher.publish(huge, timeout_seconds=20)
    assert caught.value.is_too_large
    after = await subject.publisher.publish(
        Record(topic, b"100", b"body", partition=0), timeout_seconds=20
    )
    assert (await subject.read(after)).value == b"body"


async def test_a_record_that_fits_compressed_only_is_compressed(subject):
    """Where Kafka takes 1 MB: the copy of an order just below, with a dead letter's headers."""
    topic, body = subject.topics.results, b'{"sku": "24-MB01"}, ' * 100_000
    small = Record(topic, b"1", b"{}", partition=0)
    answers = await subject.publisher.publish_each(
        [small, Record(topic, b"1", body, partition=0), small]
    )
    assert all(isinstance(answer, Ack) for answer in answers)
    assert (await subject.read(answers[1])).value == body


async def test_one_too_large_record_among_many_is_refused_alone(subject):
    topic = subject.topics.orders
    records = [Record(topic, b"100", b"body", partition=0) for _ in range(20)]
    records[7] = Record(topic, b"huge", HUGE, partition=0)
    answers = await subject.publisher.publish_each(records)
    assert answers[7].is_too_large
    neighbours = [place for place, answer in enumerate(answers) if isinstance(answer, PublishError)]
    neighbours.remove(7)
    assert not any(answers[place].is_too_large for place in neighbours)
    again = await subject.publisher.publish_each([records[place] for place in neighbours])
    assert all(isinstance(answer, Ack) for answer in again)


async def test_a_partition_that_does_not_exist_is_refused(subject):
    with pytest.raises(PublishError):
        await subject.publisher.publish(
            Record(subject.topics.orders, b"100", b"body", partition=PARTITIONS),
            timeout_seconds=10,
        )


async def answers_of(publisher, records: list[Record]) -> list[Ack | PublishError]:
    """Offer all and wait for the answers, in the order of the records."""
    waiting = [asyncio.get_running_loop().create_future() for _ in records]
    for record, future in zip(records, waiting, strict=True):
        assert publisher.offer(record, future.set_result) is not None
        assert not future.done()
    async with asyncio.timeout(20):
        return list(await asyncio.gather(*waiting))


async def test_what_is_offered_is_where_its_answer_says(subject):
    records = [Record(subject.topics.orders, b"%d" % n, b"value %d" % n) for n in range(50)]
    await subject.publisher.publish(records[0], timeout_seconds=10)  # the topic is known now
    answers = await answers_of(subject.publisher, records)
    assert all(isinstance(answer, Ack) for answer in answers)
    assert len({(ack.partition, ack.offset) for ack in answers}) == len(records)
    for record, ack in zip(records, answers, strict=True):
        found = await subject.read(ack)
        assert (found.key, found.value) == (record.key, record.value)


async def test_an_offer_goes_to_the_partition_of_its_key(subject):
    record = Record(subject.topics.orders, b"000000123", b"{}")
    published = await subject.publisher.publish(record, timeout_seconds=10)
    (offered,) = await answers_of(subject.publisher, [record])
    assert offered.partition == published.partition


async def test_a_too_large_offer_is_told_so_and_its_neighbours_are_not(subject):
    small = Record(subject.topics.orders, b"1", b"{}")
    large = Record(subject.topics.orders, b"1", HUGE)
    await subject.publisher.publish(small, timeout_seconds=10)
    first, refused, last = await answers_of(subject.publisher, [small, large, small])
    assert isinstance(first, Ack)
    assert isinstance(last, Ack)
    assert isinstance(refused, PublishError)
    assert refused.is_too_large
