"""What is on its way to `salesforce.due`: a publish for each partition, none waits for another.

A partition that takes nothing (no leader, too few replicas in sync) holds up what was read for it,
and nothing else. Of one partition there is one publish at a time: its records keep their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from stream.kafka.publisher import Ack, Record

Pair: TypeAlias = Any  # aiokafka's topic and partition
PublishAll = Callable[[Sequence[Record]], Awaitable[Sequence[Ack]]]

MOMENT_SECONDS = 0.2  # acks take milliseconds: who gets none in time is let alone
# Where nothing is acknowledged all partitions would be read, a fetch of each, until memory ends.
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """The copies of what was read of one partition: from the offset `start` on to the `last`."""

    start: int
    last: Any  # aiokafka's record
    count: int
    size: int
    task: asyncio.Task[Sequence[Ack]]

    @property
    def end(self) -> int:
        return int(self.last.offset) + 1


class Forwards:
    """The publishes that were begun and are not committed yet."""

    def __init__(self, publish_all: PublishAll) -> None:
        self._publish_all = publish_all
        self._by_pair: dict[Pair, Forward] = {}
        self._begun: set[asyncio.Task[Sequence[Ack]]] = set()

    def __len__(self) -> int:
        return len(self._by_pair)

    def __contains__(self, tp: Pair) -> bool:
        return tp in self._by_pair

    def begin(self, tp: Pair, start: int, last: Any, copies: Sequence[Record]) -> None:
        """Publish the copies of what was read of a partition, none of which is on its way."""
        assert tp not in self._by_pair
        task = asyncio.ensure_future(self._publish_all(copies))
        self._begun.add(task)
        size = sum(len(record.value or b"") for record in copies)
        self._by_pair[tp] = Forward(start, last, len(copies), size, task)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be taken in hand until something was acknowledged."""
        return sum(forward.size for forward in self._by_pair.values()) >= MOST_BYTES

    async def moment(self) -> None:
        """Wait for what was begun since the last moment, but not for what takes longer."""
        if self._begun:
            await asyncio.wait(self._begun, timeout=MOMENT_SECONDS)
            self._begun.clear()

    async def next_end(self, timeout_seconds: float | None = None) -> None:
        """Wait until one of those on their way has ended, if there are any."""
        if self._by_pair:
            await asyncio.wait(
                [forward.task for forward in self._by_pair.values()],
                timeout=timeout_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )

    def ended(self) -> dict[Pair, Forward]:
        """Return what is acknowledged; it is kept until it is committed."""
        done = {tp: forward for tp, forward in self._by_pair.items() if forward.task.done()}
        for forward in done.values():
            forward.task.result()
        return done

    def forget(self, tp: Pair) -> None:
        """Note that a partition's is committed."""
        del self._by_pair[tp]

    def keep(
        self, starts: Mapping[Pair, int], *, but: Collection[Pair] = ()
    ) -> dict[Pair, Forward]:
        """Give up all but what was read from where its partition is to be read now; return that.

        It would be forwarded twice. A partition that is another's, that another one has read on
        meanwhile, or whose log is another one (`but`) is none of these.
        """
        for tp, forward in list(self._by_pair.items()):
            if forward.start != starts.get(tp) or tp in but:
                forward.task.cancel()
                del self._by_pair[tp]
        return dict(self._by_pair)

    async def stop(self) -> None:
        """Give up all of them."""
        tasks = [forward.task for forward in self._by_pair.values()]
        self.keep({})
        if tasks:
            await asyncio.wait(tasks)
