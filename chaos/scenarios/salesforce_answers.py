"""Salesforce as it is on bad days: busy, rate limited, out of quota, cut off, slow, talking HTML.

An outage costs nobody an attempt: no scenario here may make a dead letter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chaos.scenario import Scenario
from chaos.stage import Stage

STORM_SECONDS = 30.0
DATA_CALLS = {"path": "composite"}
CALLS_IN_FLIGHT = 20
BURST_ORDERS = 6000
SENDERS = 64
HELD_ACCOUNTS = ("buyer0@example.com", "buyer1@example.com")
LOCK_ROUNDS = 3
LOCK_SECONDS = 6.0
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
    """Let workers meet a backlog, so that many slow calls are under way when tokens end."""
    for name in stage.workers:
        await stage.process(name).stop()
    orders = [(order, 1) for order in range(BURST_FROM, BURST_FROM + BURST_ORDERS)]
    await stage.load.send_all(orders, senders=SENDERS)
    slow = await stage.org.arm({"kind": "latency", "latency_ms": 6000, "match": DATA_CALLS})
    async with stage.hurting():
        for name in stage.workers:
            await stage.revive(name)
        stage.seen["20 calls in flight"] += await stage.until_in_call(CALLS_IN_FLIGHT)
        stage.seen["calls in flight"] = await stage.in_flight()
        before = (await stage.org.summary())["token_calls"]
        await stage.org.arm({"kind": "expire_tokens"})
        await stage.rest(8)
        stage.seen["logins after it"] += (await stage.org.summary())["token_calls"] - before
        await stage.org.disarm(slow)


async def lock_storm(stage: Stage) -> None:
    """Let orders of few customers fight for their Accounts while others hold two of these."""
    await stage.org.change(lock_contention=True, latency_ms=150)
    held = [{"kind": "lock", "sobject": "Account", "external_id": email} for email in HELD_ACCOUNTS]
    rows = {"kind": "lock", "sobject": "Opportunity", "probability": 0.2}
    async with stage.hurting():
        for _ in range(stage.times(LOCK_ROUNDS)):
            await stage.storm([*held, rows], LOCK_SECONDS)
            await stage.rest(LOCK_SECONDS)
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
        "every token becomes invalid with 20 calls in flight",
        expire_tokens_in_flight,
        evidence={"20 calls in flight": 1, "logins after it": 1},
        env={
            "SALESFORCE_CONCURRENCY": "25",
            "WORKER_BATCH_MAX_EVENTS": "5000",
            "WORKER_LINGER_SECONDS": "1",
        },
        customers=5000,
    ),
    Scenario(
        "lock-storm",
        "ten customers' orders fight for Accounts, two of these are held, a row in five is locked",
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
