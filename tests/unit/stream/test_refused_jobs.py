"""A job that Kafka refuses says why: an operator whose user may not write has to know that."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from stream.backfill import runner as backfill_module
from stream.backfill.runner import BackfillRun
from stream.errors import PublishError
from stream.jobs import runner as job_module
from stream.jobs.runner import Copy, JobRun
from stream.kafka.publisher import Record

WHY = "Kafka gives this user no Write on topic salesforce.due"
RECORD = Record("salesforce.due", b"1", b"{}", partition=0)


async def refuses(records):
    return [PublishError(WHY) for _ in records]


async def nothing(*_, **__):
    pass


def run_of(kind, **more):
    run = object.__new__(kind)
    run._publisher = SimpleNamespace(publish_each=refuses)
    run.stop = asyncio.Event()
    run.spec = SimpleNamespace(job_id="job-1")
    run.report = SimpleNamespace(too_large=[], copied=0)
    for name, value in more.items():
        setattr(run, name, value)
    return run


async def test_a_replay(monkeypatch):
    monkeypatch.setattr(job_module, "AMBIGUOUS_SECONDS", 0.0)
    run = run_of(JobRun, _find_copies=nothing, _make_room=nothing, _copied=set(), _refusal="")
    with pytest.raises(PublishError, match=f"{WHY}.*job-1"):
        await run.copy([Copy(("magento.orders", 0, 1), RECORD)])


async def test_a_backfill(monkeypatch):
    monkeypatch.setattr(backfill_module, "REFUSED_PAUSE_SECONDS", 0.0)
    with pytest.raises(PublishError, match=f"{WHY}.*job-1"):
        await run_of(BackfillRun)._publish_all([RECORD])
