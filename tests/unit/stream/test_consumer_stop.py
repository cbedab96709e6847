"""A consumer whose fetch routine swallowed the cancel is stopped all the same."""

import asyncio
import contextlib

from stream.kafka import consumer_stop
from stream.kafka.consumer_stop import stop_consumer


class SwallowingConsumer:
    """Stops as aiokafka does, with a routine that swallows the first cancel."""

    def __init__(self):
        self.cancels = 0
        self._routine = asyncio.ensure_future(self._run())

    async def _run(self):
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancels += 1
                if self.cancels > 1:
                    return

    async def stop(self):
        await asyncio.sleep(0)
        self._routine.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._routine


async def test_the_second_cancel_ends_it(monkeypatch):
    monkeypatch.setattr(consumer_stop, "STOP_SECONDS", 0.05)
    consumer = SwallowingConsumer()
    async with asyncio.timeout(2):
        await stop_consumer(consumer)
    assert consumer.cancels == 2


async def test_a_consumer_that_stops_is_left_alone():
    class Good:
        stopped = False

        async def stop(self):
            self.stopped = True

    good = Good()
    await stop_consumer(good)
    assert good.stopped
