"""When the next call may start, and how many orders it takes.

No call waits for company while slots and calls are plenty. It waits for a slot, for a token of the
rate, for the pace that the day's budget asks for, or, where a backlog goes by Bulk jobs, for a
batch that is worth one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from agents.delivery.call_size import Means, next_call
from agents.delivery.cost_model import CostModel
from agents.pacing.admission import Admission
from agents.salesforce.api.collection_builder import API_LIMITS
from stream.ops import metrics

LOOKS_PER_TURN = 4


class Claim:
    """The calls of a batch that are to come; what else starts leaves them slot and tokens.

    Without it the writes that follow a lookup would queue up behind the lookups of others.
    """

    def __init__(self, pacing: CallPacing, calls: int = 1) -> None:
        self._pacing = pacing
        self._first = self._rest = 0
        if calls:
            self.starts()

    def starts(self) -> None:
        """Count the first call of who was called up, and finds its lock free after all."""
        if not self._first:
            self._first = 1
            self._pacing.starting += 1

    def follow(self) -> None:
        """Count a call that is to follow the first."""
        self._rest += 1
        self._pacing.owed += 1

    def flies(self) -> None:
        """Tell that one of the calls has its token."""
        if self._first:
            self._pacing.starting -= 1
            self._first = 0
        elif self._rest:
            self._pacing.owed -= 1
            self._rest -= 1
        else:
            return
        self._pacing.admission.when_free()

    def over(self) -> None:
        """Tell that no call is to come."""
        while self._first or self._rest:
            self.flies()


@dataclass(slots=True)
class CallPacing:
    """Asked before every start. `is_bulk`: the backlog is one for Bulk jobs."""

    admission: Admission
    costs: CostModel
    is_bulk: Callable[[], bool]
    linger_seconds: float
    max_batch: int
    clock: Callable[[], float] = time.monotonic
    starting: int = 0  # batches whose first call has no token yet
    owed: int = 0  # calls that are to follow a first one
    _started_at: float = -inf
    _gathers_since: float | None = None
    _has_waited: bool = False
    _slots: int = 1
    _startable: int = 1
    is_scarce: bool = False  # calls are: those that start are to take what waits

    def wait_seconds(self, ready: int, live: int = 0) -> float:
        """Return how long nothing may start, infinite when a call has to end first.

        `ready` orders could be taken now, `live` ones of them first.
        """
        self._slots, free, tokens = self.admission.startable(self.starting, self.owed)
        if not free and not self._may_be_ahead(live):
            return inf
        turn, gap = self.admission.pause_between_calls()
        token = turn / LOOKS_PER_TURN if free and not tokens else 0.0
        wait = max(self._started_at + gap - self.clock(), token)
        self._has_waited = self._has_waited or wait > 0
        self._startable = max(1, tokens)
        self.is_scarce = tokens < free or gap > 0 or self._has_waited
        return max(wait, self._gathering(ready))

    def _may_be_ahead(self, live: int) -> bool:
        """Whether a batch may be made ready while every slot is busy: one, and a full call of live.

        Its rows are there when a slot comes free: 200 orders take the twentieth part of a second.
        Nothing less urgent: what comes live meanwhile would wait behind it.
        """
        return not self.starting and not self.is_bulk() and live >= self.most_orders()

    def most_orders(self) -> int:
        """Return how many orders a call can take at all."""
        return self.max_batch if self.is_bulk() else min(self.max_batch, API_LIMITS.bundles)

    def size(self, ready: int, apart: int) -> int:
        """Return how many orders the call takes that starts now, of so many that are `ready`.

        They fit into so many calls side by side (`apart`): what shares a lock goes in one.
        """
        self._started_at, self._gathers_since = self.clock(), None
        was_scarce, self._has_waited = self.is_scarce, False
        if self.is_bulk():
            return self.max_batch
        means = Means(
            slots=min(self._slots, apart),
            startable=min(self._startable, apart),
            is_scarce=was_scarce,
            cheap=self.costs.cheap_orders(),
            within_target=self.costs.orders_within_target(),
            most=self.most_orders(),
        )
        size = next_call(ready, means)
        metrics.CALLS_SENT.labels(size.why.value).inc()
        return size.orders

    def _gathering(self, ready: int) -> float:
        """Return how long to wait for more, where a batch of thousands goes by Bulk jobs."""
        if not 0 < ready < self.max_batch or not self.is_bulk():
            return 0.0
        now = self.clock()
        if self._gathers_since is None:
            self._gathers_since = now
        return max(0.0, self._gathers_since + self.linger_seconds - now)
