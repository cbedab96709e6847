"""The judge: what the sender got a 2xx for, against what the org holds and remembers. Pure.

| figure | how it is counted |
|---|---|
| lost | orders whose record is missing, or older than their newest accepted version |
| duplicate records | external ids that more than one record carries, or that were created twice |
| stale writes | writes of a lower version than an earlier write of the same order |
| redundant writes | updates of an order that changed no field: work done twice |
| dead, unaccounted | from the product's own audit, which must agree |

Orders are numbered, versions count from 1: whoever reads a record knows what was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook and its fate. Times are monotonic seconds; latency counts from `due`."""

    order: str
    version: int
    is_accepted: bool
    due: float
    latency_seconds: float
    attempts: int


@dataclass(frozen=True, slots=True)
class OrgMemory:
    """What the org holds and remembers. `writes`: (order, version) in the order of writing."""

    held: Mapping[str, int]
    writes: Sequence[tuple[str, int]]
    duplicates: int
    redundant: int
    stale_of_customers: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Books:
    """What the product's own audit says. `counted`: every figure of its balance, by name."""

    accepted: int
    dead: int
    unaccounted: int
    deleted_unread: int
    is_balanced: bool
    balance: str
    counted: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What this scenario promises beyond 'nothing lost, doubled or stale'.

    `evidence`: things that must have happened, or the run proves nothing. `dead_orders` are meant
    to become dead letters, `other_dead` counts dead letters that are no numbered order.
    """

    least_accepted: int = 1
    evidence: Mapping[str, int] = field(default_factory=dict)
    dead_orders: frozenset[str] = frozenset()
    other_dead: int = 0
    most_redundant: int = 0
    may_delete_unread: bool = False
    recovers_within_seconds: float = 90.0
    ack_p99_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Everything observed in one run. `fault`: (start, end) of the fault, monotonic seconds.

    `recount`: the balance as the judge counts it, from every record (chaos/balance.py).
    """

    deliveries: Sequence[Delivery]
    org: OrgMemory
    books: Books
    fault: tuple[float, float]
    recovery_seconds: float | None
    seen: Mapping[str, int]
    recount: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of the card."""

    accepted: int
    records: int
    lost: int
    duplicates: int
    redundant: int
    stale: int
    dead: int
    unaccounted: int
    deleted_unread: int
    recovery_seconds: float | None
    ack_p99_seconds: float


def judge(run: Run, expected: Expectation) -> tuple[Figures, list[str]]:
    """Return the figures, and one sentence per broken promise (none: the run is good)."""
    newest = newest_accepted(run.deliveries)
    figures = Figures(
        accepted=sum(delivery.is_accepted for delivery in run.deliveries),
        records=len(run.org.held),
        lost=len(lost_orders(newest, run.org.held) - expected.dead_orders),
        duplicates=run.org.duplicates,
        redundant=run.org.redundant,
        stale=stale_writes(run.org.writes) + run.org.stale_of_customers,
        dead=run.books.dead,
        unaccounted=run.books.unaccounted,
        deleted_unread=run.books.deleted_unread,
        recovery_seconds=run.recovery_seconds,
        ack_p99_seconds=ack_percentile(run.deliveries, run.fault, 99),
    )
    broken = [*_of_the_data(figures, run, expected), *_of_the_run(figures, run, expected)]
    return figures, broken


def newest_accepted(deliveries: Sequence[Delivery]) -> dict[str, int]:
    """Return order → its newest version that was answered with a 2xx."""
    newest: dict[str, int] = {}
    for delivery in deliveries:
        if delivery.is_accepted:
            newest[delivery.order] = max(newest.get(delivery.order, 0), delivery.version)
    return newest


def lost_orders(newest: Mapping[str, int], held: Mapping[str, int]) -> set[str]:
    """Return orders whose newest accepted version, or a later one, is not what the org holds."""
    return {order for order, version in newest.items() if held.get(order, 0) < version}


def unsent_orders(deliveries: Sequence[Delivery], held: Mapping[str, int]) -> set[str]:
    """Return orders of which the org holds what nobody ever sent."""
    sent = {(delivery.order, delivery.version) for delivery in deliveries}
    return {order for order, version in held.items() if (order, version) not in sent}


def stale_writes(writes: Sequence[tuple[str, int]]) -> int:
    """Count writes of a lower version than an earlier one of the same order."""
    highest: dict[str, int] = {}
    stale = 0
    for order, version in writes:
        stale += version < highest.get(order, 0)
        highest[order] = max(highest.get(order, 0), version)
    return stale


def ack_percentile(
    deliveries: Sequence[Delivery], window: tuple[float, float], percent: float
) -> float:
    """Return a percentile (nearest rank) of the latencies due in the window; 0 without any."""
    start, end = window
    due = sorted(d.latency_seconds for d in deliveries if start <= d.due <= end and d.is_accepted)
    return due[min(len(due) - 1, int(len(due) * percent / 100))] if due else 0.0


def _of_the_data(figures: Figures, run: Run, expected: Expectation) -> list[str]:
    dead = len(expected.dead_orders) + expected.other_dead
    lost_allowed = figures.deleted_unread if expected.may_delete_unread else 0
    unsent = len(unsent_orders(run.deliveries, run.org.held))
    return [
        text
        for is_broken, text in (
            (figures.lost > lost_allowed, f"{figures.lost} orders lost"),
            (unsent, f"{unsent} records hold what nobody sent"),
            (figures.duplicates, f"{figures.duplicates} duplicate records"),
            (figures.stale, f"{figures.stale} stale writes"),
            (
                figures.redundant > expected.most_redundant,
                f"{figures.redundant} redundant writes, {expected.most_redundant} were in hand",
            ),
            (figures.dead != dead, f"{figures.dead} dead letters, {dead} expected"),
            (figures.unaccounted, f"{figures.unaccounted} events without an outcome"),
            (not run.books.is_balanced, f"the audit does not balance: {run.books.balance}"),
            (
                # Only what retention took can explain a difference, and then none is looked for.
                not expected.may_delete_unread and _differ(run.books.counted, run.recount),
                f"the audit counts {dict(run.books.counted)}, the judge {dict(run.recount)}",
            ),
            (
                # What was deleted after its outcome is in nobody's books any more.
                not expected.may_delete_unread and run.books.accepted < figures.accepted,
                f"{figures.accepted} got a 2xx, the audit knows of {run.books.accepted}",
            ),
            (
                figures.deleted_unread and not expected.may_delete_unread,
                f"{figures.deleted_unread} events deleted before they were read",
            ),
        )
        if is_broken
    ]


def _differ(audited: Mapping[str, int], recounted: Mapping[str, int]) -> bool:
    return any(count != recounted.get(name, 0) for name, count in audited.items())


def _of_the_run(figures: Figures, run: Run, expected: Expectation) -> list[str]:
    broken = [
        f"it did not happen: {what} {run.seen.get(what, 0)} of at least {least}"
        for what, least in expected.evidence.items()
        if run.seen.get(what, 0) < least
    ]
    if figures.accepted < expected.least_accepted:
        broken.append(f"too idle: {figures.accepted} accepted of {expected.least_accepted}")
    if not run.org.is_complete:
        broken.append("the org's memory of writes is not complete: staleness cannot be judged")
    recovery = figures.recovery_seconds
    if recovery is None or recovery > expected.recovers_within_seconds:
        took = "never" if recovery is None else f"after {recovery:.1f} s"
        broken.append(f"recovered {took}, promised {expected.recovers_within_seconds:.0f} s")
    limit = expected.ack_p99_seconds
    if limit is not None and figures.ack_p99_seconds > limit:
        broken.append(f"ack p99 {figures.ack_p99_seconds:.2f} s, promised {limit:.2f} s")
    return broken
