"""Collections as Bulk jobs: the same rows, the same answers per row, by another road.

A lane asks for collections to be written and settles every row by its own answer, whoever wrote
them. Here each collection is one job, parents before children; a row that only may be created goes
by an `insert` job, whose "it exists" is an answer like Composite's. A job is over only when its
three result files are read, so no event is acknowledged before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agents.delivery.api_choice import CALLS_PER_JOB
from agents.delivery.retry_in_place import REFUSALS
from agents.pacing.stall_clock import Progress
from agents.salesforce.api.client import SalesforceClient
from agents.salesforce.api.collection_builder import CollectionLimits
from agents.salesforce.api.composite import Collection, CollectionAnswer
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.interrupt import Interrupt
from stream.ops import metrics

# One call of a lane is all jobs of a batch; a job's own file is cut at 100 MB by the client.
BULK_LIMITS = CollectionLimits(
    bundles=1_000_000, rows=1_000_000, collections=50, bytes=4_000_000_000
)


class BulkWriter:
    """Writes collections by Bulk API 2.0. `spend` is told of the calls that jobs cost."""

    def __init__(
        self,
        client: SalesforceClient,
        *,
        spend: Callable[[int], None],
        interrupt: Interrupt,
        progress: Progress,
    ) -> None:
        self._client = client
        self._spend = spend
        self._interrupt = interrupt
        self._progress = progress

    async def composite(
        self,
        collections: Sequence[Collection],
        *,
        check_alive: Callable[[], None] | None = None,
    ) -> list[CollectionAnswer]:
        """Write collections one after the other; one answer each, in order. Never raises for one.

        After a failure that is not the rows' own, the rest is not sent and has the same error.
        """
        answers: list[CollectionAnswer] = []
        failure: SalesforceError | None = None
        for collection in collections:
            if failure is None:
                answer = await self._job(collection, check_alive)
                if answer.error is not None and answer.error.kind not in REFUSALS:
                    failure = answer.error
            else:
                answer = CollectionAnswer(error=failure)
            answers.append(answer)
        return answers

    async def limits(self) -> dict[str, Any]:
        return await self._client.limits()

    async def _job(
        self, collection: Collection, check_alive: Callable[[], None] | None
    ) -> CollectionAnswer:
        self._spend(CALLS_PER_JOB)
        metrics.BULK_JOBS.labels(collection.sobject, collection.method).inc()
        with self._progress.waiting("a Bulk job"):
            try:
                results = await self._client.upsert_bulk(
                    collection.sobject,
                    collection.external_id_field,
                    collection.rows,
                    is_insert=collection.method == "create",
                    check_alive=check_alive,
                    interrupt=self._interrupt,
                )
            except SalesforceError as error:
                return CollectionAnswer(error=error)
        return CollectionAnswer(results=tuple(results))
