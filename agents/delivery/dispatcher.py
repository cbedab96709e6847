"""The dispatcher: bundles in, one outcome per bundle out, in the fewest calls Salesforce allows.

Bundles are packed into calls (`call_planner`), the calls run side by side as far as the gate lets
them (`pacing.admission`), and what can be recovered is (`call_executor`). Nothing is dropped and
nothing raises, except FrozenError.
"""

from __future__ import annotations

import asyncio
import random
from asyncio import FIRST_COMPLETED
from collections.abc import Callable, Sequence
from functools import partial

from agents.delivery.api_choice import Api
from agents.delivery.api_router import ApiRouter
from agents.delivery.blame import Judge
from agents.delivery.bulk_writer import BULK_LIMITS, BulkWriter
from agents.delivery.call_executor import CallExecutor
from agents.delivery.call_planner import PORTION_CALLS, CallPlan, plan_calls
from agents.delivery.cost_model import CostModel
from agents.delivery.customer_lookup import CustomerLookup
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.fault_scope import FaultWatch
from agents.delivery.line_items import LineDispatcher
from agents.delivery.retry_in_place import RETRY_IN_PLACE, RetryInPlace
from agents.delivery.row_state import method_of
from agents.delivery.row_tracker import RowTracker
from agents.delivery.types import NotSent, WriteOutcome, WriteSet
from agents.pacing.admission import Admission
from agents.pacing.stall_clock import Progress
from agents.pacing.wiring import build_gate
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.collection_builder import API_LIMITS, CollectionLimits
from agents.salesforce.api.row_writer import RowWriter
from agents.salesforce.interrupt import Interrupt
from stream.config import Settings
from stream.errors import FrozenError
from stream.ops.alerts import Alerts

UNSENT = NotSent("the dispatcher stopped before it was sent")


class SalesforceDispatcher:
    """Writes bundles through a client, at the pace of its gate.

    `known` remembers records between batches. `jitter` returns 0..1. `then` repeats what is left
    after a first round.
    """

    def __init__(
        self,
        client: RowWriter,
        gate: Admission,
        *,
        known: ExistenceCache | None = None,
        costs: CostModel | None = None,
        watch: FaultWatch | None = None,
        policy: RetryInPlace = RETRY_IN_PLACE,
        limits: CollectionLimits = API_LIMITS,
        jitter: Callable[[], float] = random.random,
        then: SalesforceDispatcher | None = None,
    ) -> None:
        self.gate = gate
        self.executor: CallExecutor = CallExecutor(
            client=client,
            gate=gate,
            known=ExistenceCache() if known is None else known,
            costs=costs or CostModel(),
            watch=FaultWatch() if watch is None else watch,
            policy=policy,
            limits=limits,
            jitter=jitter,
            then=then.executor if then else None,
        )

    async def send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        """Return one outcome per bundle, in order. Raises FrozenError only."""
        batch = _Batch(bundles, self.executor)
        try:
            async with asyncio.TaskGroup() as group:
                running: set[asyncio.Task[None]] = set()
                method = partial(method_of, known=self.executor.known)
                for plans in plan_calls(bundles, method, self.executor.limits):
                    running |= batch.start(plans, group)
                    await asyncio.sleep(0)  # they fly while the next are planned
                    while len(running) > PORTION_CALLS:
                        _, running = await asyncio.wait(running, return_when=FIRST_COMPLETED)
        except BaseExceptionGroup as failures:
            raise _frozen(failures) from None
        return [batch.outcomes.get(place, UNSENT) for place in range(len(bundles))]


class _Batch:
    """Bundles on their way: starts the calls of a plan and collects the outcomes."""

    def __init__(self, bundles: Sequence[WriteSet], executor: CallExecutor) -> None:
        self._bundles = bundles
        self._executor = executor
        self.outcomes: dict[int, WriteOutcome] = {}

    def start(self, plans: Sequence[CallPlan], group: asyncio.TaskGroup) -> set[asyncio.Task[None]]:
        """Start the plans of a list, each as soon as those before it are over."""
        ended = [asyncio.Event() for _ in plans]

        async def follow(position: int, plan: CallPlan) -> None:
            for before in plan.after:
                await ended[before].wait()
            await self._run(plan.members)
            ended[position].set()

        return {group.create_task(follow(place, plan)) for place, plan in enumerate(plans)}

    async def _run(self, members: Sequence[int]) -> None:
        writes = [RowTracker(self._bundles[member]) for member in members]
        await self._executor.run(writes)
        for member, write in zip(members, writes, strict=True):
            if write.outcome is not None:
                self.outcomes[member] = write.outcome


def build_dispatcher(
    settings: Settings,
    client: OrgClient,
    alerts: Alerts,
    interrupt: Interrupt,
    progress: Progress | None = None,
    *,
    backlog: Callable[[], int] = lambda: 0,
    costs: CostModel | None = None,
) -> LineDispatcher:
    """Return the dispatcher of a worker. The client's usage goes to its `gate.note_usage`.

    `backlog` says how many events the workers have not taken yet: Bulk jobs are for many. `costs`
    learns what Composite calls take.
    """
    gate = build_gate(settings, alerts, interrupt, ask_limits=client.limits, progress=progress)
    known, watch = ExistenceCache(is_loose=client.is_loose), FaultWatch()
    jobs = BulkWriter(
        client, spend=gate.spend, interrupt=interrupt, progress=progress or Progress()
    )
    calls = SalesforceDispatcher(client, gate, known=known, watch=watch, costs=costs)
    inner = ApiRouter(
        {
            Api.COMPOSITE: calls,
            Api.BULK: SalesforceDispatcher(
                jobs, gate, known=known, watch=watch, limits=BULK_LIMITS, then=calls
            ),
        },
        threshold=settings.salesforce_bulk_threshold_events,
        backlog=backlog,
        calls_left=gate.calls_left,
        is_bulk_closed=lambda: jobs.is_closed,
    )
    judge = Judge(watch, gate)
    lookup = CustomerLookup(inner, client, gate, known, judge)
    return LineDispatcher(lookup, client, judge, known)


def _frozen(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    frozen = failures.subgroup(FrozenError)
    return frozen.exceptions[0] if frozen else failures
