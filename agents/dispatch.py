"""The dispatcher: bundles in, one outcome per bundle out, in the fewest calls Salesforce allows.

Bundles are packed into calls (`packing`), the calls run side by side as far as the gate lets them
(`pacing.gate`), each in a lane of its own that recovers what can be recovered (`lane`). Nothing is
dropped and nothing raises, except FrozenError.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from agents.bundle import Bundle, BundleOutcome, Interrupt, NotSent
from agents.bundle_write import BundleWrite, method_of
from agents.drafting import API_LIMITS, Limits, Method
from agents.known_records import KnownRecords
from agents.lane import Lane
from agents.pacing.gate import Gate
from agents.pacing.wiring import build_gate
from agents.packing import CallPlan, plan_calls
from agents.progress import Progress
from agents.recovery import RETRY_IN_PLACE, ConfigWatch, RetryInPlace
from agents.salesforce.client import SalesforceClient
from schemas.salesforce import Row
from stream.alerts import Alerts
from stream.config import Settings
from stream.errors import FrozenError


class SalesforceDispatcher:
    """Writes bundles through a client, at the pace of its gate.

    `known` remembers records between batches. `jitter` returns 0..1.
    """

    def __init__(
        self,
        client: SalesforceClient,
        gate: Gate,
        *,
        known: KnownRecords | None = None,
        policy: RetryInPlace = RETRY_IN_PLACE,
        limits: Limits = API_LIMITS,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.gate = gate
        self._client = client
        self._known = KnownRecords() if known is None else known
        self._watch = ConfigWatch()
        self._policy = policy
        self._limits = limits
        self._jitter = jitter

    async def send(
        self, bundles: Sequence[Bundle], *, check_alive: Callable[[], None]
    ) -> list[BundleOutcome]:
        """Return one outcome per bundle, in order. Raises FrozenError only."""
        writes = [BundleWrite(bundle) for bundle in bundles]
        lane = self._lane(check_alive)
        try:
            async with asyncio.TaskGroup() as group:
                for plans in plan_calls(bundles, self._method_of, self._limits):
                    self._start(plans, writes, lane, group)
                    await asyncio.sleep(0)  # they fly while the next are planned
        except BaseExceptionGroup as failures:
            raise _frozen(failures) from None
        return [_outcome(write) for write in writes]

    def _start(
        self,
        plans: Sequence[CallPlan],
        writes: Sequence[BundleWrite],
        lane: Lane,
        group: asyncio.TaskGroup,
    ) -> None:
        ended = [asyncio.Event() for _ in plans]

        async def follow(position: int) -> None:
            for before in plans[position].after:
                await ended[before].wait()
            await lane.run([writes[member] for member in plans[position].members])
            ended[position].set()

        for position in range(len(plans)):
            group.create_task(follow(position))

    def _method_of(self, row: Row) -> Method | None:
        return method_of(row, self._known)

    def _lane(self, check_alive: Callable[[], None]) -> Lane:
        return Lane(
            client=self._client,
            gate=self.gate,
            check_alive=check_alive,
            known=self._known,
            watch=self._watch,
            policy=self._policy,
            limits=self._limits,
            jitter=self._jitter,
        )


def build_dispatcher(
    settings: Settings,
    client: SalesforceClient,
    alerts: Alerts,
    interrupt: Interrupt,
    progress: Progress | None = None,
) -> SalesforceDispatcher:
    """Return the dispatcher of a worker. The client's usage goes to its `gate.note_usage`."""
    gate = build_gate(settings, alerts, interrupt, ask_limits=client.limits, progress=progress)
    return SalesforceDispatcher(client, gate)


def _frozen(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    frozen = failures.subgroup(FrozenError)
    return frozen.exceptions[0] if frozen else failures


def _outcome(write: BundleWrite) -> BundleOutcome:
    if write.outcome is None:
        return NotSent("the dispatcher stopped before it was sent")
    return write.outcome
