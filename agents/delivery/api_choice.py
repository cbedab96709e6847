"""Which road a batch takes: Composite calls, or jobs of Bulk API 2.0. Pure.

A Composite call carries 200 orders with their customers and is answered within seconds. A Bulk job
takes some ten calls and from seconds to minutes, for any number of rows of one object. So Bulk is
for a backlog, and only with batches so large that its jobs cost fewer calls than Composite would.

| backlog | batch | the day's calls | replayed and backfilled | live |
|---|---|---|---|---|
| below the threshold | any | any | Composite | Composite |
| above | jobs would cost more calls | any | Composite | Composite |
| above | jobs cost fewer calls | enough for the backlog | Bulk | Composite |
| above | jobs cost fewer calls | not enough for the backlog | Bulk | Bulk |
"""

from __future__ import annotations

from enum import StrEnum, auto

from agents.salesforce.api.collection_builder import API_LIMITS
from schemas.frozen import dataclass
from schemas.priority import Priority

CALLS_PER_JOB = 10  # create, upload, close, a few polls, three result files


class Api(StrEnum):
    """How rows get to Salesforce."""

    COMPOSITE = auto()
    BULK = auto()


@dataclass(frozen=True, slots=True)
class Batch:
    """What is in hand: bundles by priority, and how many kinds of jobs their rows would need."""

    bundles: int
    jobs: int


@dataclass(frozen=True, slots=True)
class ApiPreference:
    """The choice for one batch."""

    live: Api
    others: Api

    def of(self, priority: Priority) -> Api:
        return self.live if priority is Priority.LIVE else self.others


ALL_COMPOSITE = ApiPreference(Api.COMPOSITE, Api.COMPOSITE)


def composite_calls(bundles: int) -> int:
    """Return about how many Composite calls so many bundles take."""
    return -(-bundles // API_LIMITS.bundles)


def is_for_jobs(backlog: int, *, threshold: int) -> bool:
    """Whether so many events wait that jobs are thought of at all; `threshold` 0 = never."""
    return bool(threshold) and backlog >= threshold


def choose_api(backlog: int, calls_left: float, batch: Batch, *, threshold: int) -> ApiPreference:
    """Return the roads of a batch.

    `backlog`: events the workers have not taken yet. `calls_left`: of our share of the day, not
    finite while unknown.
    """
    if not is_for_jobs(backlog, threshold=threshold):
        return ALL_COMPOSITE
    if batch.jobs * CALLS_PER_JOB >= composite_calls(batch.bundles):
        return ALL_COMPOSITE
    is_short = calls_left < composite_calls(backlog)
    return ApiPreference(Api.BULK if is_short else Api.COMPOSITE, Api.BULK)
