"""What admission shows: the day's budget, the breaker, and the slots."""

from __future__ import annotations

from agents.pacing.adaptive_concurrency import AdaptiveSlots
from agents.pacing.circuit_breaker import BreakerState
from agents.salesforce.http.usage import Usage
from stream.ops import metrics


def show_budget(usage: Usage, part: float) -> None:
    """Show the org's count, and the part of our share that is left."""
    metrics.BUDGET_USED.set(usage.used)
    metrics.BUDGET_LIMIT.set(usage.limit)
    metrics.BUDGET_LEFT.set(part)


def show_state(breaker: BreakerState, slots: AdaptiveSlots) -> None:
    """Show whether calls may go, and how many are out."""
    metrics.BREAKER_STATE.set(breaker)
    metrics.CONCURRENCY_LIMIT.set(slots.limit)
    metrics.CALLS_IN_FLIGHT.set(slots.in_flight)
