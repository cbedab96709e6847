"""Who is told to stop while a connection to Kafka closes has stopped, whatever aiokafka suppresses."""

import asyncio

import pytest

from stream.kafka.topic_admin import TopicAdmin

pytestmark = pytest.mark.kafka

TURNS = 12  # of the event loop: more than a close takes of ours


async def test_a_cancel_in_any_turn_of_the_close_is_heard(make_settings):
    settings = make_settings()
    for turns in range(TURNS):
        closes = asyncio.Event()

        async def watch(closes: asyncio.Event = closes) -> None:
            async with TopicAdmin(settings):
                closes.set()
            await asyncio.Event().wait()

        watching = asyncio.ensure_future(watch())
        await closes.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        watching.cancel()
        await asyncio.wait({watching}, timeout=20)
        is_heard = watching.done()
        watching.cancel()
        await asyncio.wait({watching})
        assert is_heard, f"cancelled {turns} turns after it began to close"
