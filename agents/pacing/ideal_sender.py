"""The least latency that anybody can reach with so many slots and calls: an ideal sender. Pure.

It knows what every call costs. Whenever a slot and a token are free it sends the oldest waiting
orders, shared over the calls that could start now.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Org:
    """What an org allows and what it costs; a call takes `fixed + per_row x rows` seconds."""

    slots: int
    calls_per_second: float
    per_row: float
    fixed: float = 0.08
    most_orders: int = 200
    burst: float = 10.0

    def seconds(self, rows: int) -> float:
        return self.fixed + self.per_row * rows


def bound(org: Org, arrivals: Sequence[float], rows: Sequence[int]) -> list[float]:
    """Return the latency of each order, sorted; `arrivals` are sorted."""
    ends: list[float] = []
    latencies: list[float] = []
    tokens, refilled, arrived, sent, now = org.burst, 0.0, 0, 0, 0.0
    while sent < len(arrivals):
        tokens = min(org.burst, tokens + (now - refilled) * org.calls_per_second)
        refilled = now
        while ends and ends[0] <= now:
            heapq.heappop(ends)
        while arrived < len(arrivals) and arrivals[arrived] <= now:
            arrived += 1
        while arrived > sent and tokens >= 1 and len(ends) < org.slots:
            startable = min(org.slots - len(ends), int(tokens))
            orders = min(org.most_orders, -(-(arrived - sent) // startable))
            end = now + org.seconds(sum(rows[sent : sent + orders]))
            latencies += [end - arrivals[n] for n in range(sent, sent + orders)]
            sent += orders
            tokens -= 1
            heapq.heappush(ends, end)
        soonest = [ends[0]] if ends else []
        if arrived < len(arrivals):
            soonest.append(arrivals[arrived])
        if arrived > sent and len(ends) < org.slots and tokens < 1:
            soonest.append(now + (1 - tokens) / org.calls_per_second + 1e-9)
        now = min(soonest, default=now)
    return sorted(latencies)


def percentile(latencies: Sequence[float], share: float) -> float:
    """Return a percentile of sorted values."""
    return latencies[min(len(latencies) - 1, int(share * len(latencies)))]
