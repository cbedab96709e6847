"""One job on two machines, where no lock is: the run that began last goes on, the other ends."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from stream.errors import JobError
from stream.jobs import takeover
from stream.jobs.operator_log import OperatorLog
from stream.jobs.replay import ReplayFilter, ReplayRange, new_replay, plan_replay, run_replay
from stream.jobs.runner import JobRun
from stream.jobs.spec import find_job
from stream.kafka.log.range_reader import RangeReader, record_envelope

pytestmark = pytest.mark.kafka

COUNT = 200
CHUNK = 20


@pytest.fixture
def run_as(settings, writer):
    """Run a job in a process of its own, as far as anybody else can see."""

    async def run_as(who, spec, **how):
        operator = OperatorLog(writer, settings.topics, who=who)
        async with RangeReader(settings) as reader, RangeReader(settings) as sources:
            job = JobRun(settings, spec, reader, operator=operator, max_backlog=0, **how)
            return await run_replay(settings, job, sources)

    return run_as


async def test_who_began_last_goes_on_and_nothing_but_a_chunk_is_copied_twice(
    settings, writer, run_as, monkeypatch
):
    monkeypatch.setattr(takeover, "CHECK_SECONDS", 0.0)
    await writer.accept_many(str(number) for number in range(COUNT))
    wanted = ReplayFilter(is_latest_only=False)
    async with RangeReader(settings) as reader:
        span = ReplayRange(settings.topics.orders, None, None, wanted)
        plan = await plan_replay(settings, reader, span)
        spec = await new_replay(settings, reader, plan, rate=10.0 * CHUNK, why="twice")
        copying = asyncio.Event()
        first = asyncio.create_task(
            run_as("ann@one", spec, on_progress=lambda r: r.copied and copying.set())
        )
        await copying.wait()
        report = await run_as("bob@two", await find_job(settings, reader, spec.job_id))
        with pytest.raises(JobError, match="goes on elsewhere, by bob@two"):
            await first
        copied = Counter()
        async for batch in reader.read(await reader.spans([settings.topics.due])):
            copied.update(record_envelope(record).event_id for record in batch)
    assert (report.done, report.is_stopped, len(copied)) == (COUNT, False, COUNT)
    assert copied.total() <= COUNT + CHUNK
