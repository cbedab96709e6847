"""Faust's consumer, with a shorter way for a message that can be delivered at once, and no hole.

A rebalance throws away what was fetched and not yet handled, and goes back to the committed offset.
Where nothing is committed yet, aiokafka does not go back at all: workers that joined one after the
other on new topics skipped the events fetched in between, and committed past them (34 of 1,501 in
one run). So those partitions go back to their beginning, as `auto_offset_reset` says.

A hole can open in another way. When rebalances follow each other closely, Faust drops what it has
fetched and not delivered, and does not always go back for it; what comes next is taken for a topic
with gaps (compaction makes them), and the gap is committed (56 of 1,245 events in one run of a
rebalance storm). Our source topics are not compacted: whoever skips a record that is still there
has lost it. So every message must be the next one of its partition, and if it is not, the partition
goes back to where it stood. Only records that retention has deleted are passed over.

Faust hands each message to its stream in a task of its own, beside three more tasks that watch for
a rebalance, a stop and a crash: four tasks a message, a tenth of all that a worker does, and nearly
every delivery is a put into a queue that has room. Here the delivery begins without a task. Only
one that has to wait (a full queue) is watched as Faust does it, from the point where it waits.
What is delivered, in which order, and what is counted as read stays the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Generator, Mapping
from contextlib import suppress
from types import coroutine
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP
from mode.services import WaitResults

log = structlog.get_logger()

DELIVERED = WaitResults([], [], False)
DELIVERY_WAITS = 2  # the delivery, and the wait for a rebalance


# A hole that stays after so many attempts is none of ours: better late and loud than never.
MOST_RETURNS = 5


class PromptConsumer(Consumer):
    """Differs from its base in `wait_first`, `seek_to_committed` and `getmany` alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._expected: dict[TP, int] = {}
        self._returns: dict[TP, tuple[int, int]] = {}

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109
        """Yield fetched messages, each the next one of its partition."""
        gone_back: set[TP] = set()
        async for tp, message in super().getmany(timeout):
            offset = message.offset
            expected = self._expected.get(tp, offset)
            if tp in gone_back:
                continue
            if offset > expected and await self._is_hole(tp, expected, offset):
                gone_back.add(tp)
                await self._go_back(tp, expected, offset)
                continue
            read = self._read_offset.get(tp)
            if read is None or offset >= read:  # or else Faust drops it
                self._expected[tp] = max(self._expected.get(tp, 0), offset + 1)
            yield tp, message

    async def _is_hole(self, tp: TP, expected: int, offset: int) -> bool:
        """Whether records between the two are still in the topic, and may be read yet."""
        if self._attempts(tp, expected) >= MOST_RETURNS:
            log.error("events_out_of_reach", topic=tp.topic, first=expected, last=offset - 1)
            return False
        earliest = await self.earliest_offsets(tp)
        return int(earliest.get(tp, 0)) < offset

    def _attempts(self, tp: TP, expected: int) -> int:
        """How often the partition went back to this very offset, if it was its last return."""
        begin, attempts = self._returns.get(tp, (expected, 0))
        return attempts if begin == expected else 0

    async def _go_back(self, tp: TP, expected: int, offset: int) -> None:
        self._returns[tp] = (expected, self._attempts(tp, expected) + 1)
        log.warning("gone_back", partition=f"{tp.topic}/{tp.partition}", to=expected, at=offset)
        # Not assigned any more: then the next rebalance is under way, and it seeks itself.
        with suppress(IllegalStateError):
            await self.seek_wait({tp: expected})

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every partition to its committed offset, or to its beginning without one."""
        committed: Mapping[TP, int] = await super().seek_to_committed()
        self._expected.update({tp: max(offset or 0, 0) for tp, offset in committed.items()})
        unread = [TopicPartition(*tp) for tp, offset in committed.items() if not offset]
        if unread:
            # Not assigned any more: then the next rebalance is under way, and it seeks again.
            with suppress(IllegalStateError):
                await self._thread.seek_to_beginning(*unread)
        return committed

    async def wait_first(self, *waits: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109
        """Wait for the first of several; a delivery is tried at once."""
        is_delivery = len(waits) == DELIVERY_WAITS and isinstance(waits[0], Coroutine)
        if timeout is not None or not is_delivery:
            return await super().wait_first(*waits, timeout=timeout)
        delivery, suspension = waits
        try:
            obstacle = delivery.send(None)
        except StopIteration:
            suspension.close()
            return DELIVERED
        except BaseException:
            suspension.close()
            raise
        return await super().wait_first(_rest(delivery, obstacle), suspension)


class PromptTransport(Transport):
    """Faust's Kafka transport with the consumer above."""

    Consumer = PromptConsumer


async def _rest(begun: Coroutine[Any, Any, None], obstacle: Any) -> None:
    """Finish a coroutine that was begun outside of a task and waits for `obstacle`."""
    await _steps(begun, obstacle)


@coroutine
def _steps(begun: Coroutine[Any, Any, None], obstacle: Any) -> Generator[Any, Any, None]:
    failure: BaseException | None
    while True:
        try:
            value = yield obstacle
        except GeneratorExit:
            begun.close()
            raise
        except BaseException as error:  # noqa: BLE001 - it is the coroutine's, cancellation too
            failure, value = error, None
        else:
            failure = None
        try:
            obstacle = begun.throw(failure) if failure is not None else begun.send(value)
        except StopIteration:
            return
