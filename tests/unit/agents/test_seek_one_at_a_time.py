"""Faust may seek while it seeks: the later answer must not undo what the first has healed."""

from __future__ import annotations

import asyncio

from agents.worker.faust_consumer import PromptConsumer


async def test_an_assignment_waits_until_the_one_before_has_compared_its_logs():
    consumer = PromptConsumer.__new__(PromptConsumer)
    consumer._seeking = asyncio.Lock()
    told = []

    async def seek():
        told.append("begins")
        await asyncio.sleep(0)
        told.append("ends")
        return {}

    consumer._seek_to_read = seek
    await asyncio.gather(consumer.seek_to_committed(), consumer.seek_to_committed())
    assert told == ["begins", "ends"] * 2
