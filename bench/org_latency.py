"""Latency on an org that takes time per row, beside the least that anybody could reach.

    python -m bench.org_latency [--seconds 20] [--runs 3] [--quick] [--json]

The worker's own part, in one process: ledger, queue, locks, handler, planner, admission and cost
model are the product's; the org is a clock that takes 80 ms for a call and so much for each row,
Kafka's acks come at once. Two workers share slots and calls. The bound is computed for the same
arrivals (`agents.pacing.sizing`), the targets are those that `orderstream size` promises.
Every order is of a customer this worker does not know: 3 rows. In the cases with a lookup the org
is asked about each customer first, as it is by default (`agents/delivery/customer_lookup.py`), and
the bound's call is two; in the others the customers are new to nobody, or nothing is adopted.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from agents.delivery.cost_model import CostModel
from agents.delivery.customer_lookup import CustomerLookup
from agents.delivery.dispatcher import SalesforceDispatcher
from agents.delivery.existence_cache import ExistenceCache
from agents.handling.handler import Handler
from agents.handling.outcome import Decision
from agents.handling.poison_pills import PoisonPillJournal
from agents.mapping.mapping import Mapping
from agents.pacing.adaptive_concurrency import AdaptiveSlots
from agents.pacing.admission import Admission
from agents.pacing.circuit_breaker import Breaker
from agents.pacing.daily_quota import DailyQuota
from agents.pacing.sizing import (
    GRACE_SECONDS,
    P50_FACTOR,
    P99_FACTOR,
    Org,
    bound,
    most_in_hand,
    percentile,
)
from agents.pacing.stall_clock import Progress
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import Collection, CollectionAnswer
from agents.salesforce.api.send_right import check_of_context
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.interrupt import Interrupt
from agents.worker.call_pacing import CallPacing
from agents.worker.context import WorkerContext
from agents.worker.offset_ledger import HeldEvent
from agents.worker.pipeline import Pipeline
from bench.command import options_of, run
from bench.figures import Section
from bench.orders import Template
from bench.stages import envelopes, keys_of
from schemas.salesforce import RowResult
from schemas.state import State
from stream.ops.alerts import Alerts
from stream.ops.gc_tuning import settle_garbage_collector
from stream.topics import Topics

ROWS_PER_ORDER = 3  # Account, Contact and Opportunity
ROWS_OF_MIXED_ORDERS = 5 / 3
MOST_OF_SLOTS = 0.8
UNLIMITED = 1_000.0
RATES = (2, 10, 20, 50, 100, 200)
MOST_BOUND_SECONDS = 5.0
GRACE_MS = 1000 * GRACE_SECONDS
SETTLE_SECONDS = 60.0
AT_THE_ENDS = 0.25  # of a run in which the slots fill and empty


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table."""

    org: Org
    rate: float
    workers: int = 1
    has_lookup: bool = False

    @property
    def ideal(self) -> Org:
        """The org as an ideal sender meets it: a lookup and its write take two calls."""
        if not self.has_lookup:
            return self.org
        org = self.org
        return dataclasses.replace(
            org,
            fixed=2 * org.fixed,
            calls_per_second=org.calls_per_second / 2,
            burst=org.burst / 2,
        )

    @property
    def is_possible(self) -> bool:
        in_rows = self.rate * ROWS_PER_ORDER * self.org.per_row
        return in_rows <= MOST_OF_SLOTS * self.org.slots

    @property
    def name(self) -> str:
        org = self.org
        calls = "any" if org.calls_per_second >= UNLIMITED else f"{org.calls_per_second:g}"
        return (
            f"{org.per_row * 1000:g} ms/row, {org.slots} slots, {calls} calls/s, "
            f"{self.rate:g} orders/s, {self.workers} worker{'s' * (self.workers > 1)}"
            f"{', with lookup' * self.has_lookup}"
        )


QUICK = [
    Case(Org(5, UNLIMITED, 0.012), 10),
    Case(Org(5, UNLIMITED, 0.012), 50),
    Case(Org(5, 10, 0.012), 50),
    Case(Org(5, 1.3, 0.012), 50),
    Case(Org(10, UNLIMITED, 0.028), 50),
    Case(Org(5, UNLIMITED, 0.012), 50, workers=2),
    Case(Org(5, UNLIMITED, 0.012), 10, has_lookup=True),
    Case(Org(5, UNLIMITED, 0.012), 50, has_lookup=True),
    Case(Org(5, 10, 0.012), 50, has_lookup=True),
    Case(Org(5, UNLIMITED, 0.0, fixed=0.1), 200),
]

# Half as much again as the slots can carry: three rows for an order of a new customer, one for
# each of the two others.
SATURATED = [
    Case(Org(slots, UNLIMITED, per_row), round(1.5 * slots / (ROWS_OF_MIXED_ORDERS * per_row)))
    for slots in (5, 10)
    for per_row in (0.003, 0.012, 0.028)
]


def all_cases() -> list[Case]:
    """Return every profile, number of slots, budget and rate that the slots can carry."""
    found = [
        Case(Org(slots, calls, per_row), rate, workers)
        for per_row in (0.003, 0.012, 0.028)
        for slots in (5, 10)
        for calls in (1.3, 10.0, UNLIMITED)
        for rate in RATES
        for workers in (1, 2)
    ]
    return [case for case in found if case.is_possible] + QUICK[-4:]


@dataclass(slots=True)
class ClockOrg:
    """Takes time and everything else; counts calls and rows."""

    org: Org
    calls: int = 0
    rows: list[int] = field(default_factory=list)
    spans: list[tuple[float, float, int]] = field(default_factory=list)  # from, to, how many rows
    cpu: list[tuple[float, float]] = field(
        default_factory=list
    )  # when, and this process's till then
    identified = guarded = frozenset[str]()

    async def queries(self, soqls: Sequence[str]) -> list[list[dict[str, Any]] | SalesforceError]:
        check_of_context()()
        self.calls += 1
        await asyncio.sleep(self.org.fixed)
        return [[] for _ in soqls]

    async def composite(self, collections: Sequence[Collection]) -> list[CollectionAnswer]:
        check_of_context()()
        self.calls += 1
        rows = sum(len(collection.rows) for collection in collections)
        self.rows.append(rows)
        began = time.perf_counter()
        await asyncio.sleep(self.org.seconds(rows))
        self.spans.append((began, time.perf_counter(), rows))
        self.cpu.append((time.perf_counter(), time.process_time()))
        return [
            CollectionAnswer(results=tuple(RowResult(True, "001", True) for _ in each.rows))
            for each in collections
        ]

    async def limits(self) -> dict[str, Any]:
        return {}


class Worker:
    """A pipeline with its part of the org."""

    def __init__(self, case: Case, client: ClockOrg, directory: Path, done: Done) -> None:
        part = 1 / case.workers
        admission = Admission(
            breaker=Breaker(failures=5, probe_seconds=1, give_up_seconds=0, jitter=lambda: 0.5),
            budget=DailyQuota(share=1),
            slots=AdaptiveSlots(least=1, most=max(1, round(case.org.slots * part))),
            calls_per_second=case.org.calls_per_second,
            alerts=Alerts(),
            interrupt=Interrupt(),
        )
        admission.divide(part)
        costs, mapping = CostModel(), Mapping.load(None)
        known = ExistenceCache()
        writes = SalesforceDispatcher(client, admission, known=known, costs=costs)
        judge = writes.executor.judge
        lookup = CustomerLookup(writes, cast("OrgClient", client), admission, known, judge)
        states: dict[bytes, State] = {}

        async def known_org() -> Mapping:
            return mapping

        async def finish(decisions: Sequence[Decision]) -> None:
            await asyncio.sleep(0)
            for decision in decisions:
                done.note(decision.result.event_id, decision.result.outcome)

        journal = PoisonPillJournal(directory / f"journal-{id(self)}")
        handler = Handler(
            org_mapping=known_org,
            dispatcher=lookup if case.has_lookup else writes,
            get_state=lambda _partition, key: states.get(key),
            check_alive=lambda: None,
            topics=Topics(),
        )
        context = WorkerContext(
            handler=handler,
            state=cast("Any", None),
            finish=finish,
            journal=journal,
            progress=Progress(),
            pacing=CallPacing(admission, costs, lambda: False, 0, 1000),
            check_alive=lambda: None,
            end_process=done.fail,
            max_held=most_in_hand(case.org.slots),
            max_held_bytes=10**10,
            asks_first=lookup.asks_first if case.has_lookup else lambda _: False,
        )
        self.pipeline = Pipeline(context, ack=lambda _held: None, drop=lambda _held: None)


@dataclass(slots=True)
class Done:
    """When each order was finished. `judged`: how many orders must be synced; others may be not."""

    judged: int
    at: dict[str, float] = field(default_factory=dict)
    failure: BaseException | None = None

    def note(self, event_id: str, outcome: str) -> None:
        if int(event_id) >= self.judged:
            return
        if outcome != "synced":
            self.failure = RuntimeError(f"an order ended as {outcome}")
        self.at[event_id] = time.perf_counter()

    def fail(self, error: BaseException) -> None:
        self.failure = error

    @property
    def is_complete(self) -> bool:
        return len(self.at) == self.judged


async def measured(case: Case, seconds: float) -> tuple[list[float], ClockOrg]:
    """Return sorted latencies of a run, and the org with its counts."""
    count = max(20, int(case.rate * seconds))
    client, template = ClockOrg(case.org), Template.make()
    orders = [template.order(number, 1) for number in range(count)]
    return await latencies_of(case, client, orders), client


async def latencies_of(
    case: Case, client: ClockOrg, orders: Sequence[bytes], beside: Sequence[bytes] = ()
) -> list[float]:
    """Return the sorted latencies of orders that come at the case's rate.

    What is `beside` them comes evenly in the same time, and is not judged.
    """
    count, done = len(orders), Done(len(orders))
    due = [number / case.rate for number in range(count)]
    due += [count / case.rate * number / len(beside) for number in range(len(beside))]
    bodies = [*orders, *beside]
    held = [
        HeldEvent(
            dataclasses.replace(envelope, event_id=str(number)),
            ("magento.orders", 0),
            number,
            envelope.key.encode(),
        )
        for number, envelope in enumerate(envelopes(bodies, keys_of(bodies)))
    ]
    with tempfile.TemporaryDirectory() as directory:
        workers = [Worker(case, client, Path(directory), done) for _ in range(case.workers)]
        settle_garbage_collector()  # as a worker does when it has started
        started = time.perf_counter()
        for number in sorted(range(len(held)), key=due.__getitem__):
            await asyncio.sleep(max(0.0, started + due[number] - time.perf_counter()))
            pipeline = workers[number % case.workers].pipeline
            await pipeline.room()
            pipeline.add(held[number])
        deadline = time.perf_counter() + SETTLE_SECONDS
        while not done.is_complete and done.failure is None and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
    if not done.is_complete:
        raise RuntimeError(f"{len(done.at)} of {count} orders: {done.failure}")
    return sorted(at - started - due[int(name)] for name, at in done.at.items())


async def saturated(case: Case, seconds: float) -> tuple[float, float]:
    """Return the rows a second while more comes than the slots can carry, as a share of that.

    And how much of a core that took.
    """
    latencies, client = await measured(case, seconds)
    first, last = client.spans[0][0], max(ended for _, ended, _ in client.spans)
    since, until = first + AT_THE_ENDS * (last - first), last - AT_THE_ENDS * (last - first)
    carried = sum(
        rows * max(0.0, min(ended, until) - max(began, since)) / (ended - began)
        for began, ended, rows in client.spans
    )
    rows_per_order = sum(client.rows) / len(latencies)
    share = carried / (until - since) / most_rows_per_second(case.org, rows_per_order)
    (at, before), *_, (end, after) = [mark for mark in client.cpu if since <= mark[0] <= until]
    return 100 * share, 100 * (after - before) / (end - at)


def most_rows_per_second(org: Org, rows_per_order: float) -> float:
    """Return what an org carries when every slot always has the largest call."""
    rows = org.most_orders * rows_per_order
    return org.slots * rows / (org.fixed + org.per_row * rows)


def least(case: Case, count: int, rows: Sequence[int]) -> tuple[float, float]:
    """Return the bound of p50 and p99."""
    found = bound(case.ideal, [n / case.rate for n in range(count)], rows)
    return percentile(found, 0.5), percentile(found, 0.99)


async def measure(options: argparse.Namespace) -> Section:
    """Measure every case as often as asked, beside its bound."""
    section = Section("org_latency", "An org that takes time per row", TEXT)
    for case in QUICK if options.quick else all_cases():
        await _add(section, case, options)
    for case in SATURATED:
        runs = [await saturated(case, options.seconds) for _ in range(options.runs)]
        shares, cores = zip(*runs, strict=True)
        name = f"at saturation, {case.name}"
        section.add(f"{name}: of what the slots carry", "%", shares, least=90)
        section.add(f"{name}: of one core", "%", cores)
    return section


async def _add(section: Section, case: Case, options: argparse.Namespace) -> None:
    p50s, p99s, calls = [], [], []
    for _ in range(options.runs):
        latencies, client = await measured(case, options.seconds)
        p50s.append(1000 * percentile(latencies, 0.5))
        p99s.append(1000 * percentile(latencies, 0.99))
        calls.append(1000 * client.calls / len(latencies))
    count = len(latencies)
    rows = [ROWS_PER_ORDER] * count
    p50, p99 = (1000 * value for value in least(case, count, rows))
    is_held = max(p50, p99) < 1000 * MOST_BOUND_SECONDS
    held50 = {"most": P50_FACTOR * p50 + GRACE_MS} if is_held else {}
    held99 = {"most": P99_FACTOR * p99 + GRACE_MS} if is_held else {}
    section.add(f"{case.name}: p50 (bound {p50:.0f} ms)", "ms", p50s, **held50)
    section.add(f"{case.name}: p99 (bound {p99:.0f} ms)", "ms", p99s, **held99)
    section.add(f"{case.name}: calls", "per 1,000 orders", calls)


TEXT = (
    "The worker's own part: ledger, queue, locks, handler, planner, admission and cost model, "
    "against an org that takes 80 ms a call (the last: 100 ms) and so much per row; Kafka and HTTP "
    "are left out. The bound is that of an ideal sender with the same slots and calls "
    "(`agents/pacing/sizing.py`), which with a lookup of the customer makes two calls of one. "
    "Targets: p50 at most 1.5 x, p99 at most 2 x the bound, and 50 ms. At saturation half as much "
    "again comes as the slots can carry; measured is the middle half of the run, beside slots that "
    "always have a call of 200 such orders (two of three are of a customer who is known by then)."
)


def main() -> None:
    options = options_of(__doc__, seconds=20, runs=3)
    options.add_argument("--quick", action="store_true", help="ten telling cases")
    run(measure, options)


if __name__ == "__main__":
    main()
