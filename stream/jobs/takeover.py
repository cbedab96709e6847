"""Two runs of one job: the one that began last goes on, and the other ends.

The lock of `stream.job_service` is of one machine. Across machines the operator log decides: a
job's actions are in one partition, so both runs read the same order of their starts.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable

from schemas.operator import OperatorAction
from stream.errors import JobError
from stream.jobs.operator_log import actions_in
from stream.jobs.spec import STARTED
from stream.kafka.log.position import Tail
from stream.kafka.log.range_reader import RangeReader
from stream.topics import Topics

CHECK_SECONDS = 2.0


class Takeover:
    """Hears of later runs of a job; `reader` is the run's own."""

    def __init__(self, reader: RangeReader, topics: Topics, job_id: str) -> None:
        self._reader = reader
        self._topic = topics.operator_audit
        self._job_id = job_id
        self._tail = Tail()
        self._own: OperatorAction | None = None
        self._is_own_seen = False
        self._asked = float("-inf")

    async def begin(self, record: Awaitable[OperatorAction]) -> None:
        """Await the record of this run's start, and listen to what is recorded from now on."""
        spans, _silent = await self._reader.known_spans([self._topic])
        self._tail.note_ends(spans)
        self._own = await record

    async def refuse(self) -> None:
        """Raise JobError when another run has begun since; asks at most every CHECK_SECONDS."""
        if time.monotonic() - self._asked < CHECK_SECONDS:
            return
        # A partition that does not answer is no reason to stop: nobody can begin a run there.
        spans, _silent = await self._reader.known_spans([self._topic])
        for action in await actions_in(self._reader, self._tail.unread(spans), self._job_id):
            if action.action == STARTED:
                self._look_at(action)
        self._tail.note_ends(spans)
        self._asked = time.monotonic()

    def _look_at(self, start: OperatorAction) -> None:
        if self._own and (start.at_ms, start.who) == (self._own.at_ms, self._own.who):
            self._is_own_seen = True
        elif self._is_own_seen:
            raise JobError(f"{self._job_id} goes on elsewhere, by {start.who}: this run has ended")
