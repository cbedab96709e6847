"""Builds a worker's gate from the settings."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

from agents.bundle import Interrupt
from agents.pacing.breaker import Breaker
from agents.pacing.budget import Budget
from agents.pacing.concurrency import AdaptiveSlots
from agents.pacing.gate import Gate
from agents.progress import Progress
from stream.alerts import Alerts
from stream.config import Settings


def build_gate(
    settings: Settings,
    alerts: Alerts,
    interrupt: Interrupt,
    *,
    ask_limits: Callable[[], Awaitable[dict[str, Any]]],
    progress: Progress | None = None,
) -> Gate:
    """Return the gate of one of `worker_count` equal workers; `Gate.divide` changes its part."""
    gate = Gate(
        breaker=Breaker(
            failures=settings.breaker_failures,
            probe_seconds=settings.breaker_probe_seconds,
            give_up_seconds=settings.breaker_dead_letter_after_seconds,
            jitter=random.random,
        ),
        budget=Budget(
            share=settings.salesforce_daily_share,
            max_linger_seconds=settings.worker_linger_max_seconds,
        ),
        slots=AdaptiveSlots(
            least=settings.salesforce_concurrency_min, most=settings.salesforce_concurrency
        ),
        calls_per_second=settings.salesforce_calls_per_second,
        alerts=alerts,
        interrupt=interrupt,
        ask_limits=ask_limits,
        progress=progress,
    )
    gate.divide(1 / settings.worker_count)
    return gate
