"""A reader that passes over what is broken, and names it: for who shows or judges what there is.

Who copies states or compares logs uses `RangeReader`, which ends there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition

from stream.kafka.any_records import UnreadableError
from stream.kafka.log.edges import log_edges
from stream.kafka.log.range_reader import RangeReader, Record


class PassingReader(RangeReader):
    """`broken` names what was passed over. What was read proves nothing of that."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._next: dict[TopicPartition, int] = {}

    def _seek(self, starts: Mapping[TopicPartition, int]) -> None:
        self._next = dict(starts)
        super()._seek(starts)

    async def _fetch(self, max_records: int | None) -> dict[TopicPartition, list[Record]]:
        try:
            fetched = await super()._fetch(max_records)
        except UnreadableError as error:
            await self._pass_over(error)
            return {}
        self._next |= {pair: them[-1].offset + 1 for pair, them in fetched.items() if them}
        return fetched

    async def _pass_over(self, error: UnreadableError) -> None:
        pair = TopicPartition(*error.place)
        edges = (await log_edges(self._consumer, [pair]))[pair]
        behind = max(error.offset + 1, min(error.behind, edges.end))  # its head may be broken, too
        self.broken.note(error.place, error.offset, behind)
        self._next[pair] = behind
        # What aiokafka had taken of others in the same turn, it gives to nobody.
        for one in self._consumer.assignment():
            self._consumer.seek(one, self._next[one])
