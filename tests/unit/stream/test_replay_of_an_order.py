"""A replay of one order looks where publishers put it."""

from __future__ import annotations

import pytest
from support.silent_cluster import SETTINGS, TOPICS

from stream.jobs.replay import ReplayFilter, ReplayRange, plan_replay
from stream.kafka.log.broken_places import BrokenPlaces
from stream.kafka.partitioner import partition_of


class Reader:
    """Topics of which one was given more partitions; notes which ones are looked at."""

    def __init__(self) -> None:
        self.looked_at: list[int] = []
        self.broken = BrokenPlaces()

    async def partitions(self, *topics):
        return {topic: tuple(range(6 if topic == TOPICS.orders else 4)) for topic in topics}

    async def spans(self, _topics, *, partitions, **_times):
        self.looked_at += partitions
        return []

    async def first_records(self, _positions):
        return {}


@pytest.mark.parametrize("order", [f"{number:09d}" for number in range(8)])
async def test_an_order_is_looked_for_where_all_fact_topics_have_a_partition(order) -> None:
    """`magento.orders` alone was altered: its new partitions are not used (`topic_check`)."""
    reader = Reader()
    await plan_replay(
        SETTINGS, reader, ReplayRange(TOPICS.orders, None, None, ReplayFilter(order=order))
    )
    assert reader.looked_at == [partition_of(order.encode(), (0, 1, 2, 3))]
