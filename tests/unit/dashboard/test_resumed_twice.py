"""A form that is posted twice starts one job, and that one can be stopped."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from dashboard.data import job_runner
from dashboard.data.job_runner import JobRunner
from stream.errors import JobError
from stream.jobs.run import JobReport

JOB = "replay-1"


async def test_resume_posted_twice_runs_once_and_can_be_stopped(monkeypatch) -> None:
    runs = []

    async def read_job(_settings, job_id):
        await asyncio.sleep(0)  # as long as both are on their way
        return SimpleNamespace(job_id=job_id, total=3)

    async def run_job(_settings, spec, _operator, options):
        runs.append(spec)
        if len(runs) > 1:
            raise JobError(f"{spec.job_id} is running already")
        await options.stop.wait()
        return JobReport(spec.job_id, spec.total, is_stopped=True)

    monkeypatch.setattr(job_runner, "read_job", read_job)
    monkeypatch.setattr(job_runner, "run_job", run_job)
    runner = JobRunner(SimpleNamespace(topics=None), publisher=None)
    answers = await asyncio.gather(
        *(runner.resume(JOB, who="ann") for _ in range(2)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [type(None), JobError]
    job = runner.find(JOB)
    assert job is not None
    assert job.is_running
    await runner.stop()
    assert (len(runs), job.problem, job.report.is_stopped) == (1, "", True)


async def test_a_start_that_ends_in_a_bug_can_be_tried_again(monkeypatch) -> None:
    class NoReader:
        def __init__(self, _settings) -> None:
            raise ZeroDivisionError

    monkeypatch.setattr(job_runner, "RangeReader", NoReader)
    draft = SimpleNamespace(job_id="")
    with pytest.raises(ZeroDivisionError):
        await JobRunner(SimpleNamespace(), publisher=None).start(draft, who="ann", why="x")
    assert draft.job_id == ""
