"""A job in a terminal: how it is stopped, and what is said when it cannot go on."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager

import pytest
import typer

from cli.console import job_progress
from cli.console.terminal import run_async
from stream.config import Settings
from stream.errors import JobError, MagentoError
from stream.jobs.run import JobReport
from stream.jobs.spec import JobKind, JobSpec

SPEC = JobSpec("backfill-1", JobKind.BACKFILL, (), (), {}, rate=10.0, total=3)


@pytest.mark.parametrize("number", [signal.SIGINT])
def test_a_second_ctrl_c_ends_what_hangs(number, capsys):
    """A store that answers nothing for minutes is "what is in hand" for minutes."""

    async def hang() -> None:
        stop = asyncio.Event()
        with job_progress.stop_signals(stop):
            signal.raise_signal(number)
            await stop.wait()
            signal.raise_signal(number)
            await asyncio.sleep(0.1)
        pytest.fail("it went on")

    with pytest.raises(typer.Exit) as ended:
        run_async(hang())
    assert ended.value.exit_code == 130
    assert "once more stops at once" in capsys.readouterr().err


@pytest.mark.parametrize("is_on_record", [True, False])
@pytest.mark.parametrize("error", [MagentoError("away"), JobError("it runs elsewhere")])
async def test_what_fails_on_the_way_says_how_to_go_on(monkeypatch, capsys, is_on_record, error):
    @asynccontextmanager
    async def connect(_settings):
        yield None

    async def run_job(_settings, spec, _log, options):
        if is_on_record:
            options.on_progress(JobReport(spec.job_id, spec.total, copied=1))
        raise error

    monkeypatch.setattr(job_progress.OperatorLog, "connect", connect)
    monkeypatch.setattr(job_progress, "run_job", run_job)
    with pytest.raises(type(error)):
        await job_progress.run_in_terminal(Settings(_env_file=None), SPEC, max_backlog=0)
    told = "go on with: orderstream backfill --resume backfill-1" in capsys.readouterr().err
    assert told == (is_on_record and isinstance(error, MagentoError))
