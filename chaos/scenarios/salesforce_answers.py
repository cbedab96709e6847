"""Salesforce as it is on bad days: busy, rate limited, out of quota, cut off, slow, talking HTML.

An outage costs nobody an attempt: no scenario here may make a dead letter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chaos.scenario import Scenario
from chaos.stage import Stage

STORM_SECONDS = 30.0
DATA_CALLS = {"path": "composite"}
TOKEN_CALLS_IN_FLIGHT = 20
BURST_ORDERS = 4000
BURST_FROM = 500_000


def storm(*faults: Mapping[str, Any]) -> Callable[[Stage], Awaitable[None]]:
    """Return the act: these faults of the org for `STORM_SECONDS`."""

    async def act(stage: Stage) -> None:
        async with stage.hurting():
            await stage.storm([dict(fault) for fault in faults], STORM_SECONDS)
        stage.batches_at_risk += stage.seen["cut_after"]

    return act


async def slow_as_can_be(stage: Stage) -> None:
    """Every call takes 30 s for a while, longer than the group session."""
    async with stage.hurting():
        await stage.storm(
            [{"kind": "latency", "latency_ms": 30_000, "match": DATA_CALLS}], STORM_SECONDS
        )


async def expire_tokens_in_flight(stage: Stage) -> None:
    """Many slow calls are under way when every token becomes invalid."""
    slow = await stage.org.arm({"kind": "latency", "latency_ms": 1500, "match": DATA_CALLS})
    async with stage.hurting():
        orders = range(BURST_FROM, BURST_FROM + int(BURST_ORDERS * stage.scale))
        burst = [asyncio.create_task(stage.load.send(order, 1)) for order in orders]
        for _ in range(3):
            stage.seen["enough calls in flight"] += await stage.until_in_call(
                max(2, int(TOKEN_CALLS_IN_FLIGHT * min(1.0, stage.scale)))
            )
            stage.seen["most calls in flight"] = max(
                stage.seen["most calls in flight"], await stage.in_flight()
            )
            before = (await stage.org.summary())["token_calls"]
            await stage.org.arm({"kind": "expire_tokens"})
            await stage.rest(3)
            stage.seen["tokens expired"] += 1
            stage.seen["logins"] += (await stage.org.summary())["token_calls"] - before
        await asyncio.gather(*burst)
    await stage.org.disarm(slow)


async def lock_storm(stage: Stage) -> None:
    """Few customers, so that orders fight for their Accounts, and other users' locks on top."""
    await stage.org.change(lock_contention=True)
    async with stage.hurting():
        await stage.storm([{"kind": "lock", "sobject": "Account", "probability": 0.2}], 30)
    stage.seen["collisions"] += (await stage.org.summary())["lock_collisions"]


async def partial_failures(stage: Stage) -> None:
    """In every batch some rows fail by something that passes."""
    row = {
        "kind": "row_error",
        "sobject": "Opportunity",
        "code": "UNABLE_TO_LOCK_ROW",
        "message": "unable to obtain exclusive access to this record",
        "probability": 0.2,
    }
    async with stage.hurting():
        await stage.storm([row], STORM_SECONDS)


def _storm(name: str, story: str, *faults: Mapping[str, Any], **more: Any) -> Scenario:
    evidence = {fault["kind"]: 1 for fault in faults}
    return Scenario(name, story, storm(*faults), evidence=evidence, **more)


SCENARIOS = (
    _storm("salesforce-503-storm", "503 to every call for 30 s", {"kind": "unavailable"}),
    _storm(
        "salesforce-429",
        "429 with Retry-After: 2 to four of five calls for 30 s",
        {"kind": "rate_limited", "headers": {"Retry-After": "2"}, "probability": 0.8},
    ),
    _storm("salesforce-quota", "403, the day's quota is used up, for 30 s", {"kind": "quota"}),
    _storm(
        "salesforce-cut-after-the-write",
        "every third call is carried out, then the connection is cut, for 30 s",
        {"kind": "cut_after", "probability": 0.33, "match": DATA_CALLS},
    ),
    _storm(
        "salesforce-html",
        "half the calls answered with an HTML page, 200 or 503, for 30 s",
        {"kind": "html", "probability": 0.3, "match": DATA_CALLS},
        {"kind": "unavailable_html", "probability": 0.3, "match": DATA_CALLS},
    ),
    Scenario(
        "salesforce-30-s-latency",
        "every call takes 30 s for 30 s: five times the group session",
        slow_as_can_be,
        evidence={"latency": 1},
        has_stale_rule=True,
        recovers_within_seconds=120.0,
    ),
    Scenario(
        "token-expires-in-flight",
        "every token becomes invalid with 20 calls in flight, three times",
        expire_tokens_in_flight,
        evidence={"tokens expired": 3, "enough calls in flight": 3, "logins": 1},
        env={"SALESFORCE_CONCURRENCY": "25", "WORKER_BATCH_MAX_EVENTS": "1000"},
        customers=5000,
    ),
    Scenario(
        "lock-storm",
        "orders of ten customers fight for their Accounts while others lock one in five of them",
        lock_storm,
        evidence={"lock": 20},
        customers=10,
    ),
    Scenario(
        "partial-failures",
        "one row in five fails by something that passes, in every batch, for 30 s",
        partial_failures,
        evidence={"row_error": 50},
    ),
)
