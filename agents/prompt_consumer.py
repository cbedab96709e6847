"""Faust's consumer, with a shorter way for a message that can be delivered at once, and no hole.

A rebalance throws away what was fetched and not yet handled, and goes back to the committed offset.
Where nothing is committed yet, aiokafka does not go back at all: workers that joined one after the
other on new topics skipped the events fetched in between, and committed past them (34 of 1,501 in
one run). So those partitions go back to their beginning, as `auto_offset_reset` says.

Faust hands each message to its stream in a task of its own, beside three more tasks that watch for
a rebalance, a stop and a crash: four tasks a message, a tenth of all that a worker does, and nearly
every delivery is a put into a queue that has room. Here the delivery begins without a task. Only
one that has to wait (a full queue) is watched as Faust does it, from the point where it waits.
What is delivered, in which order, and what is counted as read stays the same.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator, Mapping
from contextlib import suppress
from types import coroutine
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP
from mode.services import WaitResults

DELIVERED = WaitResults([], [], False)
DELIVERY_WAITS = 2  # the delivery, and the wait for a rebalance


class PromptConsumer(Consumer):
    """Differs from its base in `wait_first` and `seek_to_committed` alone."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every partition to its committed offset, or to its beginning without one."""
        committed: Mapping[TP, int] = await super().seek_to_committed()
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
