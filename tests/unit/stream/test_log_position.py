"""A log is another one when another record is there, not when no answer came."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from stream.errors import BrokerError
from stream.kafka.log.position import Tail, find_gone_back
from stream.kafka.log.range_reader import OffsetRange
from stream.kafka.log_witness import Reading, Rung, Witness, identity_of

PLACE, OTHER = ("magento.orders", 0), ("magento.orders", 1)
READ = {PLACE: Reading(3, Witness([Rung(2, identity_of(key=b"k", value=b"old", headers=()))]))}


class Reader:
    """Logs of six records; `value` is at offset 2, None: nothing comes of it in time.

    `silent`: partitions that do not say where they end. `refuses`: one of which asking for a record
    is an error, for all that are asked with it.
    """

    def __init__(self, value, *, silent=(), refuses=None):
        self.value = value
        self.silent = silent
        self.refuses = refuses

    async def known_spans(self, _topics, _seconds):
        places = [PLACE, OTHER]
        spans = [OffsetRange(*at, start=0, end=6) for at in places if at not in self.silent]
        return spans, dict.fromkeys(self.silent, "no leader")

    async def first_records(self, positions, *, timeout_seconds):
        if self.refuses in positions:
            raise BrokerError("cut while it was read")
        return {
            place: SimpleNamespace(offset=offset, key=b"k", value=self.value, headers=())
            for place, offset in positions.items()
            if self.value is not None
        }


async def test_another_record_where_one_was_read_is_another_log():
    compared = await find_gone_back(Reader(b"new"), READ)
    assert compared.gone[PLACE].resume == 0
    compared.refuse_silence()


async def test_the_same_record_is_the_same_log():
    compared = await find_gone_back(Reader(b"old"), READ)
    assert (compared.gone, compared.silent) == ({}, {})


async def test_no_answer_in_time_says_nothing_of_the_log():
    """Or else a broker that is slow for five seconds has everything read again."""
    compared = await find_gone_back(Reader(None), READ)
    assert compared.gone == {}
    with pytest.raises(BrokerError, match=r"no record came: magento\.orders-0"):
        compared.refuse_silence()


@pytest.mark.parametrize("trouble", [{"silent": [OTHER]}, {"refuses": OTHER}])
async def test_a_partition_that_does_not_answer_hides_no_other(trouble):
    both = READ | {OTHER: READ[PLACE]}
    compared = await find_gone_back(Reader(b"new", **trouble), both)
    assert compared.gone.keys() == {PLACE}
    assert compared.silent.keys() == {OTHER}
    assert (await find_gone_back(Reader(b"new"), both)).gone.keys() == both.keys()


async def test_who_follows_from_memory_learns_both_what_went_back_and_what_is_silent():
    tail = Tail()
    for topic, number in (PLACE, OTHER):
        record = {"offset": 2, "key": b"k", "value": b"old", "headers": ()}
        tail.note([SimpleNamespace(topic=topic, partition=number, **record)])
    compared = await tail.compared(Reader(b"new", silent=[OTHER]))
    assert compared.gone.keys() == {PLACE}
    assert compared.silent == {OTHER: "no leader"}
