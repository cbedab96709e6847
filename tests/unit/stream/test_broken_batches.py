"""A batch that does not fit its checksum: what stands before it is read, and the error says where."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from stream.kafka.any_records import AnyRecords, NamedRecords, UnreadableError

TP = TopicPartition("magento.orders", 3)


def batch(base: int, *values: bytes) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 10_000)
    for number, value in enumerate(values):
        builder.append(number, 1, b"k", value, [])
    return base.to_bytes(8) + bytes(builder.build())[8:]


def broken(data: bytes) -> bytes:
    return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]


def read(*batches: bytes, position: int) -> Iterable[bytes]:
    records = NamedRecords(
        TP, AnyRecords(b"".join(batches)), [], position, None, None, True, READ_UNCOMMITTED
    )
    return (record.value for record in records)


def test_what_stands_before_it_is_read_and_nothing_of_it_or_behind_it():
    first, second, third = batch(7, b"a", b"b"), batch(9, b"c"), batch(10, b"d")
    assert list(read(first, second, third, position=7)) == [b"a", b"b", b"c", b"d"]
    assert list(read(first, second, broken(third), position=7)) == [b"a", b"b", b"c"]
    assert list(read(first, broken(second), third, position=7)) == [b"a", b"b"]


def test_where_it_comes_first_the_error_says_where_it_is_and_what_is_behind_it():
    with pytest.raises(UnreadableError, match=r"magento\.orders/3 at offset 9.* is at 12"):
        list(read(broken(batch(9, b"c", b"d", b"e")), batch(12, b"f"), position=9))


def test_a_batch_that_is_cut_off_in_its_head_is_broken_as_well():
    cut = (9).to_bytes(8) + (4).to_bytes(4) + b"\0" * 4
    assert list(read(batch(7, b"a"), cut, position=7)) == [b"a"]
    with pytest.raises(UnreadableError, match="at offset 9"):
        list(read(cut, position=9))


@pytest.mark.parametrize("cut", [13, -1])
def test_a_batch_that_is_longer_than_what_there_is_has_a_broken_head(cut):
    """aiokafka passed over one offset after the other, and each error ended a worker."""
    with pytest.raises(UnreadableError, match=r"at offset 9.*from 10 on"):
        list(read(batch(9, b"c", b"d")[:cut], position=9))
    assert list(read(batch(7, b"a"), batch(9, b"c", b"d")[:cut], position=7)) == [b"a"]
