"""Backfill: read what the store has, and put it into the pipe as events behind the live ones.

The plan is a count and a window with a fixed end; a job carries it out (`stream.backfill.runner`).
A backfilled event never wins over a newer live one: the worker compares versions as always, and a
tie goes to the live event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.event import Kind
from stream.backfill.event import RESOURCES
from stream.jobs.spec import JobKind, JobSpec, new_job_id
from stream.kafka.log.range_reader import OffsetRange, RangeReader
from stream.magento.client import MagentoRest
from stream.magento.paging import Window, count_changed
from stream.magento.times import magento_time
from stream.settings.kafka import KafkaSettings
from stream.settings.magento import MagentoSettings

# Customers first: an order only fills in what the customer's own event does not know.
KINDS = (Kind.CUSTOMER, Kind.ORDER)


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What a backfill would publish, as the store counts it now. `began` is a Magento time."""

    window: Window
    counts: dict[Kind, int]
    page_size: int
    began: str

    @property
    def events(self) -> int:
        return sum(self.counts.values())

    @property
    def magento_calls(self) -> int:
        """How many REST calls reading takes, without the second look at the recent past."""
        return sum(max(1, -(-count // self.page_size)) for count in self.counts.values())

    def seconds(self, rate: float, calls_per_second: float) -> float:
        """Return how long it takes: the slower of publishing and reading."""
        return max(self.events / rate, self.magento_calls / calls_per_second)


async def plan_backfill(
    settings: MagentoSettings,
    magento: MagentoRest,
    kinds: Sequence[Kind],
    window: Window,
    *,
    now_ms: int,
) -> BackfillPlan:
    """Count what is in the window, one call per kind. Raises MagentoError."""
    counts = {
        kind: await count_changed(magento, RESOURCES[kind], window)
        for kind in KINDS
        if kind in kinds
    }
    return BackfillPlan(window, counts, settings.magento_page_size, magento_time(now_ms))


async def new_backfill(
    settings: KafkaSettings, reader: RangeReader, plan: BackfillPlan, *, rate: float, why: str
) -> JobSpec:
    """Return the spec of a job that carries out a plan; nothing is written yet."""
    facts = await reader.spans(settings.topics.facts)
    return JobSpec(
        job_id=new_job_id(JobKind.BACKFILL),
        kind=JobKind.BACKFILL,
        spans=(),
        due=tuple(OffsetRange(s.topic, s.partition, s.end, s.end, s.log_start) for s in facts),
        selection={
            "kinds": [kind.value for kind in plan.counts],
            "since": plan.window.since,
            "until": plan.window.until,
            "store": plan.window.store,
            "began": plan.began,
        },
        rate=rate,
        total=plan.events,
        why=why,
    )
