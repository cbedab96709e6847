"""Collections as Bulk jobs: the same rows, the same answers per row, by another road.

A lane asks for collections to be written and settles every row by its own answer, whoever wrote
them. Here each collection is one job, parents before children; a row that only may be created goes
by an `insert` job, whose "it exists" is an answer like Composite's. A job is over only when its
three result files are read, so no event is acknowledged before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from agents.delivery.api_choice import CALLS_PER_JOB
from agents.delivery.retry_in_place import REFUSALS
from agents.pacing.stall_clock import Progress
from agents.pacing.system_failure import reason_of
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.collection_builder import CollectionLimits
from agents.salesforce.api.composite import MAX_ROWS, Collection, CollectionAnswer
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.errors import JobFailedError, SalesforceError
from agents.salesforce.interrupt import Interrupt
from schemas.parts import parts_of
from schemas.salesforce import RowResult
from stream.ops import metrics

log = structlog.get_logger()

CLOSED_SECONDS = 900.0  # after a job was refused, before another one is tried
ENOUGH_FAILURES = 3  # of jobs in a row, however passing each looks
DAILY_CALLS = "REQUEST_LIMIT_EXCEEDED"

# One call of a lane is all jobs of a batch; a job's own file is cut at 100 MB by the client.
BULK_LIMITS = CollectionLimits(
    bundles=1_000_000, rows=1_000_000, collections=50, bytes=4_000_000_000
)


class BulkWriter:
    """Writes collections by Bulk API 2.0. `spend` is told of the calls that jobs cost.

    `is_closed`: a job failed or was refused as such (its quota is spent, the feature is off, a name
    in it is unknown), or no job gets through. That is Bulk's business, of which Salesforce has
    limits and outages of its own; Composite calls do without, or tell the cause.
    """

    def __init__(
        self,
        client: OrgClient,
        *,
        spend: Callable[[int], None],
        interrupt: Interrupt,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._spend = spend
        self._interrupt = interrupt
        self._progress = progress
        self._clock = clock
        self._closed_until = 0.0
        self._failures = 0

    @property
    def is_closed(self) -> bool:
        """Whether jobs are not tried at the moment."""
        return self._clock() < self._closed_until

    async def composite(self, collections: Sequence[Collection]) -> list[CollectionAnswer]:
        """Write collections one after the other; one answer each, in order. Never raises for one.

        After a failure that is not the rows' own, the rest is not sent and has the same error.
        """
        answers: list[CollectionAnswer] = []
        failure: SalesforceError | None = None
        for collection in collections:
            if failure is None:
                answer = await self._job(collection)
                failure = answer.error
            else:
                answer = CollectionAnswer(error=failure)
            answers.append(answer)
        return answers

    async def limits(self) -> dict[str, Any]:
        return await self._client.limits()

    async def queries(self, soqls: Sequence[str]) -> list[list[dict[str, Any]] | SalesforceError]:
        return await self._client.queries(soqls)

    async def _job(self, collection: Collection) -> CollectionAnswer:
        self._spend(CALLS_PER_JOB)
        metrics.BULK_JOBS.labels(collection.sobject, collection.method).inc()
        with self._progress.waiting("a Bulk job"):
            try:
                results = await self._client.upsert_bulk(
                    collection.sobject,
                    collection.external_id_field,
                    collection.rows,
                    is_insert=collection.method == "create",
                    interrupt=self._interrupt,
                )
                await self._let_duplicates_pass(collection, results)
            except SalesforceError as error:
                if self._is_of_bulk(error):
                    self._failures, self._closed_until = 0, self._clock() + CLOSED_SECONDS
                    error.advice = Advice.OTHER_API
                    reason = reason_of(error)
                    log.warning("bulk_closed", reason=reason, seconds=CLOSED_SECONDS)
                return CollectionAnswer(error=error)
        self._failures = 0
        return CollectionAnswer(results=tuple(results))

    def _is_of_bulk(self, error: SalesforceError) -> bool:
        """Whether a failure says something about jobs, not about everybody."""
        if isinstance(error, JobFailedError) or error.kind in REFUSALS:
            return True
        if error.kind is ErrorKind.QUOTA:
            return error.rule != DAILY_CALLS
        if error.kind is ErrorKind.AUTH or error.advice is Advice.OTHER_API:
            return False
        self._failures += 1
        return self._failures >= ENOUGH_FAILURES

    async def _let_duplicates_pass(self, collection: Collection, results: list[RowResult]) -> None:
        """Write by calls what a duplicate rule refused and may be saved: no job can say so."""
        if not self._client.allows_duplicates:
            return
        places = [place for place, result in enumerate(results) if _is_duplicate(result)]
        for part in parts_of(places, MAX_ROWS):
            self._spend(1)
            rows = tuple(collection.rows[place] for place in part)
            (answer,) = await self._client.composite([replace(collection, rows=rows)])
            if answer.error is not None:
                raise answer.error
            for place, result in zip(part, answer.results or (), strict=True):
                results[place] = result


def _is_duplicate(result: RowResult) -> bool:
    return any(error.code == "DUPLICATES_DETECTED" for error in result.errors)
