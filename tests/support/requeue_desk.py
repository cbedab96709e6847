"""An operator's desk over a real broker: an index of dead letters, jobs, what they left."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from schemas.event import Envelope
from stream.config import Settings
from stream.dlq.index import DeadLetterIndex, LetterFilter
from stream.dlq.requeue import new_requeue, plan_requeue, run_requeue
from stream.jobs.operator_log import OperatorLog
from stream.jobs.runner import JobRun
from stream.kafka.log.range_reader import RangeReader, record_envelope
from support.topic_writer import TopicWriter

FAST = 100_000.0
EVERY_LETTER = LetterFilter()


class Desk:
    """An operator's process: readers, index, log and publisher."""

    def __init__(self, settings: Settings, publisher) -> None:
        self.settings = settings
        self.topics = settings.topics
        self.publisher = publisher
        self.stack = AsyncExitStack()

    async def __aenter__(self):
        self.reader, self.due_reader, index_reader = [
            await self.stack.enter_async_context(RangeReader(self.settings)) for _ in range(3)
        ]
        self.index = DeadLetterIndex(self.settings, index_reader)
        self.log = OperatorLog(self.publisher, self.topics, who="ann@desk")
        await self.index.refresh()
        return self

    async def __aexit__(self, *_):
        await self.stack.aclose()

    async def new(self, wanted=EVERY_LETTER, *, limit=None, rate=FAST):
        plan = plan_requeue(self.index, self.topics.dead_letters, wanted, limit=limit)
        return await new_requeue(self.settings, self.reader, plan, rate=rate, why="fixed mapping")

    async def run(self, spec, *, stop=None, on_progress=None, max_backlog=0):
        run = JobRun(
            self.settings,
            spec,
            self.due_reader,
            operator=self.log,
            max_backlog=max_backlog,
            stop=stop,
            on_progress=on_progress,
        )
        return await run_requeue(self.settings, run, self.reader, self.index)

    async def read(self, topic):
        records = []
        async for batch in self.reader.read(await self.reader.spans([topic])):
            records += batch
        return records

    async def copies(self):
        return [record_envelope(record) for record in await self.read(self.topics.due)]


@pytest.fixture
async def desk(settings, writer):
    async with Desk(settings, writer) as desk:
        yield desk


async def bury_many(writer: TopicWriter, count: int, **more) -> list[Envelope]:
    events = await writer.accept_many((str(number) for number in range(1, count + 1)), **more)
    await asyncio.gather(*(writer.bury(event) for event in events))
    return events
