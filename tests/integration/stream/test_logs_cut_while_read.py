"""A reader was told an end before the log was cut: it ends and says why, it does not wait."""

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from stream.errors import LogCutError
from stream.kafka.connection import kafka_connection
from stream.kafka.log.range_reader import OffsetRange, RangeReader
from stream.kafka.publisher import Record

pytestmark = pytest.mark.kafka

WRITTEN = 5


@pytest.fixture
async def orders(writer):
    """The name of a topic with WRITTEN records in its first partition."""
    for number in range(WRITTEN):
        await writer.publish(Record(writer.topics.orders, b"1", b"%d" % number, partition=0))
    return writer.topics.orders


async def read(settings, span):
    async with RangeReader(settings) as reader:
        return [record.value async for batch in reader.read([span]) for record in batch]


@pytest.mark.parametrize(
    ("start", "end"), [(0, WRITTEN + 3), (WRITTEN, WRITTEN + 3), (WRITTEN + 1, WRITTEN + 3)]
)
async def test_an_end_that_never_comes_is_told(settings, orders, start, end):
    with pytest.raises(LogCutError, match=f"{orders}-0 went back .* ends at {WRITTEN}"):
        await read(settings, OffsetRange(orders, 0, start, end))


async def test_a_record_beyond_the_end_is_not_taken_for_another(settings, orders):
    async with RangeReader(settings) as reader:
        with pytest.raises(LogCutError, match=f"{orders}-0 went back"):
            await reader.first_records({(orders, 0): WRITTEN + 1})


async def test_what_retention_takes_meanwhile_is_passed_over(settings, orders):
    admin = AIOKafkaAdminClient(**kafka_connection(settings))
    await admin.start()
    await admin.delete_records({TopicPartition(orders, 0): RecordsToDelete(before_offset=3)})
    await admin.close()
    assert await read(settings, OffsetRange(orders, 0, 0, WRITTEN)) == [b"3", b"4"]
