"""Two dispatchers behind one door: Composite calls as always, Bulk jobs for a large backlog.

Within a batch the live events go first, by their own road; then the rest. Never side by side: both
may write the same customer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from agents.delivery.api_choice import (
    ALL_COMPOSITE,
    Api,
    ApiPreference,
    Batch,
    choose_api,
    is_for_jobs,
)
from agents.delivery.types import Dispatcher, WriteOutcome, WriteSet
from agents.salesforce.api.bulk_csv import NULL
from schemas.priority import Priority

log = structlog.get_logger()


def is_bulk_safe(bundle: WriteSet) -> bool:
    """Whether a job can say what the rows say, and may take its time.

    A text that is CSV's word for null cannot go by CSV. A row that goes to the record that the org
    has just named goes at once: before a job is over the record may have another key.
    """
    if any(row.record_id and row.fields for row in bundle.rows):
        return False
    return not any(
        value == NULL
        for row in bundle.rows
        for fields in (row.fields, row.insert_fields)
        for value in fields.values()
    )


class ApiRouter:
    """Sends each batch by the road that fits. `backlog` and `calls_left` say how things are now."""

    def __init__(
        self,
        roads: dict[Api, Dispatcher],
        *,
        threshold: int,
        backlog: Callable[[], int],
        calls_left: Callable[[], float],
        is_bulk_closed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._roads = roads
        self._threshold = threshold
        self._backlog = backlog
        self._calls_left = calls_left
        self._is_bulk_closed = is_bulk_closed

    async def send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        """Return one outcome per bundle, in order. Raises FrozenError only."""
        if not bundles:
            return []
        roads = self._choice(bundles)
        if roads == ALL_COMPOSITE:
            return await self._roads[Api.COMPOSITE].send(bundles)
        waves: dict[tuple[bool, Api], list[int]] = {}
        for place, bundle in enumerate(bundles):
            road = roads.of(bundle.priority) if is_bulk_safe(bundle) else Api.COMPOSITE
            wave = (bundle.priority is not Priority.LIVE, road)
            waves.setdefault(wave, []).append(place)
        if len({road for _, road in waves}) == 1:
            waves = {next(iter(waves)): list(range(len(bundles)))}
        outcomes: dict[int, WriteOutcome] = {}
        for (_, road), places in sorted(waves.items()):
            part = [bundles[place] for place in places]
            answers = await self._roads[road].send(part)
            outcomes.update(zip(places, answers, strict=True))
        return [outcomes[place] for place in range(len(bundles))]

    def _choice(self, bundles: Sequence[WriteSet]) -> ApiPreference:
        backlog = self._backlog()
        if self._is_bulk_closed() or not is_for_jobs(backlog, threshold=self._threshold):
            return ALL_COMPOSITE
        jobs = {(row.sobject, bool(row.insert_fields)) for b in bundles for row in b.rows}
        batch = Batch(len(bundles), len(jobs))
        roads = choose_api(backlog, self._calls_left(), batch, threshold=self._threshold)
        if Api.BULK in (roads.live, roads.others):
            log.info("bulk_road", bundles=len(bundles), jobs=len(jobs), backlog=backlog)
        return roads
