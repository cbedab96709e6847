"""Several scenarios in one pipe, one after the other, judged once: the short way through many.

What a scenario is judged by is added up: everything that each of them means to happen must have
happened, and nothing may be lost, doubled or stale in the end. Only those go together that want the
same pipe. A run that broke says that one of them did; alone, each says which.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chaos.card import Card
from chaos.scenario import Scenario
from chaos.stage import Stage


def groups(scenarios: Iterable[Scenario]) -> list[list[Scenario]]:
    """Return who goes together, in the order of the scenarios."""
    found: dict[Any, list[Scenario]] = {}
    for scenario in scenarios:
        found.setdefault(_pipe(scenario), []).append(scenario)
    return list(found.values())


def together(members: Sequence[Scenario]) -> Scenario:
    """Return one scenario that does what all of them do."""
    evidence: Counter[str] = Counter()
    properties: dict[str, str] = {}
    for member in members:
        evidence.update(member.evidence)
        properties |= member.broker_properties

    async def act(stage: Stage) -> None:
        recoveries: list[float | None] = []
        for member in members:
            await member.act(stage)
            if stage.recovery is not None:
                recoveries.append(await stage.recovery)
        stage.recovery = asyncio.create_task(_worst(recoveries))

    return replace(
        members[0],
        name="+".join(member.name for member in members),
        story="; then ".join(member.story for member in members),
        act=act,
        evidence=dict(evidence),
        broker_properties=properties,
        needs_own_broker=any(member.needs_own_broker for member in members),
        has_links=any(member.has_links for member in members),
        least_accepted=max(member.least_accepted for member in members),
        recovers_within_seconds=max(member.recovers_within_seconds for member in members),
        ack_p99_seconds=None,
        run_seconds=sum(member.run_seconds for member in members),
    )


def apart(card: Card, members: Sequence[Scenario]) -> list[Card]:
    """Return a card for each of those that were judged together."""
    names = tuple(member.name for member in members)
    return [
        replace(card, name=member.name, story=member.story, together=names) for member in members
    ]


async def _worst(recoveries: Sequence[float | None]) -> float | None:
    known = [seconds for seconds in recoveries if seconds is not None]
    return max(known) if known and len(known) == len(recoveries) else None


def _pipe(scenario: Scenario) -> Any:
    """Return what must be the same for two scenarios to share a pipe."""
    if scenario.is_alone or scenario.env_of or scenario.broker_disk:
        return scenario.name
    return (
        *(_items(scenario.env), scenario.brokers, scenario.workers, scenario.document),
        *(scenario.rate_per_second, scenario.customers, scenario.latency_ms),
        *(scenario.has_stale_rule, scenario.may_delete_unread),
    )


def _items(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))
