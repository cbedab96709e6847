"""A consumer whose fetch routine swallowed the cancel is stopped all the same."""

import asyncio
import contextlib

import pytest
from aiokafka.errors import KafkaError

from stream.kafka import closing
from stream.kafka.closing import closed, stop_consumer


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
    monkeypatch.setattr(closing, "STOP_SECONDS", 0.05)
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


@pytest.mark.parametrize("error", [KafkaError("its fetcher has ended"), asyncio.CancelledError()])
async def test_a_consumer_that_ended_by_an_error_is_closed_in_full_and_breaks_nobody_elses_end(
    error,
):
    """aiokafka's `stop` ends at a task that failed, or was never begun, before its connections."""

    class Broken:
        closes = 0

        async def stop(self):
            raise error

        @property
        def _client(self):
            return self

        async def close(self):
            self.closes += 1

    await stop_consumer(broken := Broken())
    assert broken.closes == 1


@pytest.mark.parametrize("steps", range(6))
async def test_a_cancel_while_it_closes_is_not_lost(steps):
    """As aiokafka's client does: the task it has cancelled is awaited, CancelledError suppressed."""
    is_closed = []

    async def close():
        synchronizer = asyncio.ensure_future(asyncio.Event().wait())
        await asyncio.sleep(0)
        synchronizer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await synchronizer
        is_closed.append(True)

    went_on = asyncio.Event()

    async def watch():
        await closed(close())
        went_on.set()
        await asyncio.Event().wait()

    watching = asyncio.ensure_future(watch())
    for _ in range(steps):
        await asyncio.sleep(0)
    watching.cancel()
    await asyncio.wait({watching}, timeout=5)
    assert watching.cancelled()
    assert is_closed or not steps


async def test_what_fails_to_close_says_so():
    async def close():
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await closed(close())
