"""Dry runs: what a requeue or a replay would do, worked out while the page says how far it is.

A draft is what a person looks at before confirming. It lives in this process for an hour; running
it makes a job (`job_desk`), which lives in the operator log.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from agents.mapping_preview.load import compare_events, load_mapping, predict_letters
from agents.mapping_preview.predict import EventChange, Prediction
from schemas.event import new_event_id
from stream.config import Settings
from stream.dlq.index import DeadLetterIndex, LetterFilter
from stream.dlq.requeue import RequeuePlan, plan_requeue
from stream.errors import StreamError
from stream.jobs.replay import ReplayPlan, ReplayRange, plan_replay
from stream.jobs.spec import JobKind
from stream.kafka.log.passing_reader import PassingReader
from stream.ops.background import ended

log = structlog.get_logger()

KEPT = 50
KEPT_SECONDS = 3600.0
CHANGES_SHOWN = 5


@dataclass(slots=True)
class DryRun:
    """One dry run, being worked out or done. `plan` and what follows are set when it is done."""

    draft_id: str
    kind: JobKind
    rate: float
    wanted: LetterFilter | ReplayRange
    limit: int | None = None
    made_at: float = field(default_factory=time.monotonic)
    scanned: int = 0
    to_scan: int = 0
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    requeue: RequeuePlan | None = None
    replay: ReplayPlan | None = None
    predictions: list[Prediction] = field(default_factory=list)
    changes: list[EventChange] = field(default_factory=list)
    mapping_version: str = ""
    is_done: bool = False
    job_id: str = ""

    @property
    def events(self) -> int:
        """How many events would be published."""
        plan = self.requeue or self.replay
        return plan.events if plan else 0

    @property
    def forecasts(self) -> Counter[str]:
        return Counter(prediction.forecast.value for prediction in self.predictions)

    @property
    def refusals(self) -> list[str]:
        """Why samples do not map, each reason once."""
        return sorted({item.reason for item in self.predictions if item.reason})


class DryRuns:
    """Works out dry runs in the background and keeps the latest."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._drafts: dict[str, DryRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, draft_id: str) -> DryRun | None:
        return self._drafts.get(draft_id)

    def requeue(self, wanted: LetterFilter, *, limit: int | None, rate: float) -> DryRun:
        draft = self._add(DryRun(_new_id(), JobKind.REQUEUE, rate, wanted, limit))
        self._start(draft, self._work_out_requeue(draft, wanted))
        return draft

    def replay(self, wanted: ReplayRange, *, rate: float) -> DryRun:
        draft = self._add(DryRun(_new_id(), JobKind.REPLAY, rate, wanted, wanted.wanted.limit))
        self._start(draft, self._work_out_replay(draft, wanted))
        return draft

    def forget(self) -> None:
        """Keep none: their samples may be of somebody who was erased."""
        self._drafts = {}

    async def stop(self) -> None:
        await ended(self._tasks)

    def _add(self, draft: DryRun) -> DryRun:
        now = time.monotonic()
        kept = [old for old in self._drafts.values() if now - old.made_at < KEPT_SECONDS]
        self._drafts = {old.draft_id: old for old in [*kept, draft][-KEPT:]}
        return draft

    def _start(self, draft: DryRun, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_finish(draft, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work_out_requeue(self, draft: DryRun, wanted: LetterFilter) -> None:
        settings = self._settings
        async with PassingReader(settings) as reader, PassingReader(settings) as letters:
            index = DeadLetterIndex(settings, letters)
            await index.refresh()
            topic = settings.topics.dead_letters
            plan = await asyncio.to_thread(plan_requeue, index, topic, wanted, limit=draft.limit)
            mapping = await load_mapping(settings, tell=draft.notes.append)
            draft.mapping_version = mapping.version
            draft.predictions = await predict_letters(settings, reader, mapping, plan.samples)
        draft.requeue = plan

    async def _work_out_replay(self, draft: DryRun, chosen: ReplayRange) -> None:
        def progress(done: int, total: int) -> None:
            draft.scanned, draft.to_scan = done, total

        async with PassingReader(self._settings) as reader:
            plan = await plan_replay(self._settings, reader, chosen, progress=progress)
        samples = plan.samples[:CHANGES_SHOWN]
        draft.changes = await compare_events(self._settings, samples, tell=draft.notes.append)
        draft.replay = plan


async def _finish(draft: DryRun, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except StreamError as error:
        draft.problem = str(error)
    except Exception as error:  # the page must say that it ended
        log.exception("dashboard_draft_failed", draft=draft.draft_id)
        draft.problem = f"it failed ({type(error).__name__}); the dashboard's log says why"
    draft.is_done = True


def _new_id() -> str:
    return new_event_id(int(time.time() * 1000))
