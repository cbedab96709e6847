"""What scenarios on three brokers share: the row, and what they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from chaos.scenario import Scenario
from chaos.stage import Stage
from chaos.topic_tools import in_sync

Act = Callable[[Stage], Awaitable[None]]

BROKERS = 3
DOWN_SECONDS = 8.0
ALL_IN_SYNC_SECONDS = 90.0


def at_risk(stage: Stage) -> None:
    """Count what may be done twice: a commit of each worker that nobody took."""
    stage.batches_at_risk += len(stage.workers) * max(1, stage.seen["brokers hurt"])


async def all_at_once(acts: Iterable[Callable[[], Any]]) -> None:
    """Do blocking things side by side."""
    await asyncio.gather(*(asyncio.to_thread(act) for act in acts))


async def _copies(stage: Stage) -> list[set[int]]:
    """Return the in-sync replicas of every partition that matters."""
    settings = stage.settings
    names = (settings.topics.orders, settings.topics.state, "__consumer_offsets")
    return [copies for name in names for copies in (await in_sync(settings, name)).values()]


async def all_in_sync(stage: Stage) -> bool:
    """Return whether every broker has every copy again, in time."""

    async def are_they() -> bool:
        return all(len(copies) == BROKERS for copies in await _copies(stage))

    return await stage.until(are_they, timeout_seconds=ALL_IN_SYNC_SECONDS)


async def is_out_of_sync(stage: Stage, number: int) -> bool:
    """Return whether a broker has left the in-sync replicas in time."""

    async def is_it() -> bool:
        return not any(number in copies for copies in await _copies(stage))

    return await stage.until(is_it)


def on_three_brokers(
    name: str, story: str, act: Act, evidence: dict[str, int], **more: Any
) -> Scenario:
    """Return a scenario on a cluster; its name and story say so."""
    return Scenario(
        f"three-brokers-{name}",
        f"three brokers: {story}",
        act,
        evidence=evidence,
        brokers=BROKERS,
        recovers_within_seconds=120.0,
        **more,
    )
