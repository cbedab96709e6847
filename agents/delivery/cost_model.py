"""What a call to this org costs in time, learned from its answers. Pure.

Orgs take time per call and time per row (triggers, flows, rules, sharing), by sObject and by
whether the row is created. Every answered call is one equation; a normalised least-mean-squares
step moves the estimate towards it, so the model follows an org whose automation changes. How many
rows an order has, and of which kind, is a running mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RowKind = tuple[str, str]  # sObject, method

STEP = 0.3
MIX_STEP = 0.05
FIXED_WEIGHT = 20.0  # the fixed part moves as fast as that of so many rows
FIRST_FIXED_SECONDS = 0.1
FIRST_ROW_SECONDS = 0.002
# A call is made at least so large that its fixed part is a twelfth: nine tenths of the slots' time
# go into rows, even where the latency target would have smaller calls. But not at any price.
LEAST_ROWS_TO_FIXED = 12.0
MOST_TARGETS = 2.0
MOST_ORDERS = 10**9  # as good as without bound
CHEAP_PART = 0.5  # orders whose rows take no longer than this part of the fixed time are cheap


@dataclass(slots=True)
class CostModel:
    """Predicts seconds; `target_seconds` is how long a call should take while calls are plenty."""

    target_seconds: float = 1.0
    fixed_seconds: float = FIRST_FIXED_SECONDS
    row_seconds: dict[RowKind, float] = field(default_factory=dict)
    rows_per_order: dict[RowKind, float] = field(default_factory=dict)

    def observe(self, seconds: float, rows: Mapping[RowKind, int], orders: int) -> None:
        """Take in an answered call: how long it took, and what was in it."""
        if not rows or not orders:
            return
        error = seconds - self.call_seconds(rows)
        power = FIXED_WEIGHT**2 + sum(count * count for count in rows.values())
        step = STEP * error / power
        self.fixed_seconds = max(0.0, self.fixed_seconds + step * FIXED_WEIGHT**2)
        for kind, count in rows.items():
            known = self.row_seconds.get(kind, FIRST_ROW_SECONDS)
            self.row_seconds[kind] = max(0.0, known + step * count)
        for kind in self.rows_per_order.keys() | rows.keys():
            mean = self.rows_per_order.get(kind, 0.0)
            self.rows_per_order[kind] = mean + MIX_STEP * (rows.get(kind, 0) / orders - mean)

    def call_seconds(self, rows: Mapping[RowKind, int]) -> float:
        """Return how long a call with these rows takes."""
        first = FIRST_ROW_SECONDS
        return self.fixed_seconds + sum(
            count * self.row_seconds.get(kind, first) for kind, count in rows.items()
        )

    @property
    def order_seconds(self) -> float:
        """How much longer a call takes for each order in it."""
        return sum(
            mean * self.row_seconds.get(kind, FIRST_ROW_SECONDS)
            for kind, mean in self.rows_per_order.items()
        )

    def cheap_orders(self) -> int:
        """Return how many orders a call may hold without taking much longer than with one."""
        return _orders_in(CHEAP_PART * self.fixed_seconds, self.order_seconds)

    def orders_within_target(self) -> int:
        """Return how many orders a call may hold while calls are plenty."""
        in_time = self.target_seconds - self.fixed_seconds
        worth_it = LEAST_ROWS_TO_FIXED * self.fixed_seconds
        at_most = MOST_TARGETS * self.target_seconds - self.fixed_seconds
        return _orders_in(max(in_time, min(worth_it, at_most)), self.order_seconds)


def _orders_in(seconds: float, each: float) -> int:
    """Return how many orders fit into a time; one does, however long it takes.

    Compared before it is divided: the mean of a kind of rows that comes no more halves for ever,
    and after some 14,000 calls a second through it is more than a number can be.
    """
    if each * MOST_ORDERS <= max(seconds, 0.0):
        return MOST_ORDERS
    return max(1, int(seconds / each))
