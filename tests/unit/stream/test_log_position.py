"""A log is another one when another record is there, not when no answer came."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from stream.errors import BrokerError
from stream.kafka.log_position import find_gone_back
from stream.kafka.log_witness import Reading, Rung, Witness, identity_of
from stream.kafka.range_reader import OffsetRange

PLACE = ("magento.orders", 0)
READ = {PLACE: Reading(3, Witness([Rung(2, identity_of(key=b"k", value=b"old", headers=()))]))}


class Reader:
    """A log of six records; `value` is at offset 2, None: nothing comes of it in time."""

    def __init__(self, value):
        self.value = value

    async def spans(self, _topics):
        return [OffsetRange(*PLACE, start=0, end=6)]

    async def first_records(self, positions):
        return {
            place: SimpleNamespace(offset=offset, key=b"k", value=self.value, headers=())
            for place, offset in positions.items()
            if self.value is not None
        }


async def test_another_record_where_one_was_read_is_another_log():
    gone = await find_gone_back(Reader(b"new"), READ)
    assert gone[PLACE].resume == 0


async def test_the_same_record_is_the_same_log():
    assert await find_gone_back(Reader(b"old"), READ) == {}


async def test_no_answer_in_time_says_nothing_of_the_log():
    """Or else a broker that is slow for five seconds has everything read again."""
    with pytest.raises(BrokerError, match=r"no record came of magento\.orders-0"):
        await find_gone_back(Reader(None), READ)
