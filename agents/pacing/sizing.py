"""How large an installation has to be for a load: workers, slots, partitions, calls. Pure.

The times of Salesforce are an ideal sender's (`bound`) and the targets that
`bench.org_latency` holds us to; what an order costs a worker is measured (`bench.end_to_end`).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from math import ceil, inf

from schemas.frozen import dataclass

MOST_OF_SLOTS = 0.8  # beyond, waiting grows without end: queueing
MOST_OF_A_CORE = 0.7
LEAST_PARTITIONS = 8
PARTITIONS_PER_WORKER = 4  # so that a lost worker's share can be spread
ORDERS_PER_CALL = 200
LEAST_IN_HAND = 2_000
LONG_CALLS = 25  # side by side in an org, of more than 20 s each
# What a real sender is held to beside the ideal one (docs/benchmarks.md).
P50_FACTOR, P99_FACTOR, GRACE_SECONDS = 1.5, 2.0, 0.05
SIMULATED_SECONDS = 120.0
LEAST_ARRIVALS, MOST_ARRIVALS = 50, 4_000


@dataclass(frozen=True, slots=True)
class Load:
    """What comes, and what the org is like.

    `call_seconds` and `row_seconds`: a call takes the first, and the second for each row in it.
    `daily_calls` is what the org leaves us a day, `slots` the calls side by side.
    """

    orders_per_hour: float
    orders_per_day: float
    rows_per_order: int = 3
    call_seconds: float = 0.08
    row_seconds: float = 0.012
    daily_calls: float = 100_000
    slots: int = 5
    cpu_seconds_per_order: float = 0.0005

    @property
    def per_second(self) -> float:
        return self.orders_per_hour / 3600

    @property
    def row_work(self) -> float:
        """How many calls the rows alone keep busy."""
        return self.per_second * self.rows_per_order * self.row_seconds


@dataclass(frozen=True, slots=True)
class Sizing:
    """What it takes. Latencies in seconds, infinite where the load does not fit (`hints`)."""

    workers: int
    slots: int
    partitions: int
    calls_per_second: float
    orders_per_call: float
    p50_from: float
    p50_to: float
    p99_from: float
    p99_to: float
    hints: tuple[str, ...]


def most_in_hand(slots: int) -> int:
    """Return how many events a worker takes on before the first of them is done.

    Twice what its calls hold: with less there is no full call ready when one ends.
    """
    return max(LEAST_IN_HAND, 2 * slots * ORDERS_PER_CALL)


def sizing_of(load: Load) -> Sizing:
    """Return what a load needs, and the latency that one may expect between bound and target."""
    slots = max(load.slots, slots_for(load))
    calls = calls_per_second(load)
    workers = max(1, ceil(load.per_second * load.cpu_seconds_per_order / MOST_OF_A_CORE))
    p50, p99, hints = inf, inf, list(_hints(load, slots, calls))
    if calls * ORDERS_PER_CALL > load.per_second:
        p50, p99 = _latency(load, slots, calls)
    return Sizing(
        workers=workers,
        slots=slots,
        partitions=max(LEAST_PARTITIONS, workers * PARTITIONS_PER_WORKER),
        calls_per_second=calls,
        orders_per_call=max(1.0, load.per_second / calls),
        p50_from=p50,
        p50_to=P50_FACTOR * p50 + GRACE_SECONDS,
        p99_from=p99,
        p99_to=P99_FACTOR * p99 + GRACE_SECONDS,
        hints=tuple(hints),
    )


def slots_for(load: Load) -> int:
    """Return the slots that the rows keep busy, and one call's fixed part a second each."""
    calls = min(load.per_second, calls_per_second(load))
    fixed = min(calls * load.call_seconds, load.row_work / 4 + load.call_seconds)
    return max(1, ceil((load.row_work + fixed) / MOST_OF_SLOTS))


def calls_per_second(load: Load) -> float:
    """Return how many calls a second the day's calls pay for, while orders come as at the peak.

    The day's orders are as many hours of the peak as they fill; the calls are spent in those.
    """
    busy_hours = load.orders_per_day / load.orders_per_hour
    return load.daily_calls / (busy_hours * 3600)


def _latency(load: Load, slots: int, calls: float) -> tuple[float, float]:
    count = int(min(MOST_ARRIVALS, max(LEAST_ARRIVALS, load.per_second * SIMULATED_SECONDS)))
    org = Org(slots, calls, load.row_seconds, load.call_seconds, most_orders=ORDERS_PER_CALL)
    arrivals = [number / load.per_second for number in range(count)]
    found = bound(org, arrivals, [load.rows_per_order] * count)
    return percentile(found, 0.5), percentile(found, 0.99)


def _hints(load: Load, slots: int, calls: float) -> list[str]:
    hints = []
    if slots > load.slots:
        hints.append(
            f"the rows alone keep {load.row_work:.1f} calls busy all the time: "
            f"SALESFORCE_CONCURRENCY has to be {slots}, not {load.slots}, or the rows have to "
            "become cheaper (flows, "
            "triggers, sharing)"
        )
    if slots > LONG_CALLS:
        hints.append(f"an org takes {LONG_CALLS} long calls at once: see that none takes 20 s")
    if calls * ORDERS_PER_CALL <= load.per_second:
        hints.append(
            f"the day's calls pay for {calls:.2f} a second of {ORDERS_PER_CALL} orders each: "
            "orders would wait without end; buy calls, or let backlogs go by Bulk jobs"
        )
    return hints


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
    """Return the latency of each order, sorted, as an ideal sender has it; `arrivals` are sorted.

    It knows what every call costs. Whenever a slot and a token are free it sends the oldest waiting
    orders, shared over the calls that could start now: nobody can be faster.
    """
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
