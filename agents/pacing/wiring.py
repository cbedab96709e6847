"""Builds a worker's gate from the settings."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

from agents.pacing.adaptive_concurrency import AdaptiveSlots
from agents.pacing.admission import Admission
from agents.pacing.circuit_breaker import Breaker
from agents.pacing.daily_quota import DailyQuota
from agents.pacing.stall_clock import Progress
from agents.salesforce.interrupt import Interrupt
from stream.config import Settings
from stream.ops.alerts import Alerts


def build_gate(
    settings: Settings,
    alerts: Alerts,
    interrupt: Interrupt,
    *,
    ask_limits: Callable[[], Awaitable[dict[str, Any]]],
    progress: Progress | None = None,
) -> Admission:
    """Return the admission of one of `worker_count` equal workers; `divide` changes its part."""
    gate = Admission(
        breaker=Breaker(
            failures=settings.breaker_failures,
            probe_seconds=settings.breaker_probe_seconds,
            give_up_seconds=settings.breaker_dead_letter_after_seconds,
            jitter=random.random,
        ),
        budget=DailyQuota(
            share=settings.salesforce_daily_share,
            max_gap_seconds=settings.worker_linger_max_seconds,
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
