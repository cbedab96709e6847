"""Workers that are hurt from inside: an event that kills them, a frozen process, a wrong clock."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from chaos.product import ask
from chaos.scenario import NotHereError, Scenario
from chaos.stage import Stage
from sandbox.magento.numbered import order_number
from sandbox.pipeline import INGRESS, RELAY
from sandbox.processes import PROJECT_DIRECTORY, answers

POISON_ORDER = 666_666
HOOK = f"""import os


def deadly(order, fields):
    if order.get("increment_id") == "{order_number(POISON_ORDER)}":
        os._exit(139)
    return fields
"""
SHIPPED_MAPPING = PROJECT_DIRECTORY / "agents" / "mapping" / "default.yaml"
OPPORTUNITY = "    - sobject: Opportunity\n"
FROZEN_SECONDS = 15.0
EXIT_FROZEN = 75
SLOW = {"kind": "latency", "latency_ms": 1500, "match": {"path": "composite"}}
CLOCK_STEPS = {"worker-1": "8:+3600", "worker-2": "8:-3600", INGRESS: "8:-7200", RELAY: "8:+60"}


def poisoned_mapping(directory: Path) -> dict[str, str]:
    """Write a mapping whose hook ends the process at one order; return the setting for it."""
    text = SHIPPED_MAPPING.read_text(encoding="utf-8")
    hooked = text.replace(OPPORTUNITY, f'{OPPORTUNITY}      python: "poison_hook:deadly"\n', 1)
    if hooked == text:
        raise NotHereError("the shipped mapping has no Opportunity row to put a hook on")
    (directory / "poison_hook.py").write_text(HOOK, encoding="utf-8")
    path = directory / "mapping.yaml"
    path.write_text(hooked, encoding="utf-8")
    return {"MAPPING_FILE": str(path)}


async def poison(stage: Stage) -> None:
    """One order kills whoever maps it, until it is put aside."""
    stage.dead_orders.add(order_number(POISON_ORDER))
    async with stage.hurting():
        await stage.load.send(POISON_ORDER, 1)

        async def is_aside() -> bool:
            letters = await ask(stage.pipeline, "dlq", "list", "--json")
            return "WORKER_CRASHED" in str(letters)

        stage.seen["WORKER_CRASHED"] += await stage.until(is_aside, timeout_seconds=120)


async def freeze_in_a_call(stage: Stage) -> None:
    """SIGSTOP longer than the group session, with a call on the wire."""
    slow = await stage.org.arm(SLOW)
    async with stage.hurting():
        await stage.until_in_call(len(stage.workers))
        await _freeze(stage)
    await stage.org.disarm(slow)


async def freeze_before_a_call(stage: Stage) -> None:
    """SIGSTOP longer than the group session, with no call under way."""

    async def is_quiet() -> bool:
        return await stage.in_flight() == 0

    async with stage.hurting():
        await stage.until(is_quiet)
        await _freeze(stage)


async def _freeze(stage: Stage) -> None:
    for name in stage.workers:
        stage.process(name).freeze()
        stage.seen["frozen"] += 1
        await asyncio.sleep(FROZEN_SECONDS)
        stage.process(name).thaw()
        stage.batches_at_risk += 2
        await stage.rest(8)


async def step_the_clocks(stage: Stage) -> None:
    """Every process is started with a clock that jumps, each another way, while it works."""
    async with stage.hurting():
        for name, step in CLOCK_STEPS.items():
            old = stage.process(name)
            await old.stop()
            wrapped = (sys.executable, "-m", "chaos.stepped_clock", step, *old.argv[3:])
            own = {key: value for key, value in old.env.items() if key not in ("PATH", "HOME")}
            ready = answers(f"{stage.pipeline.status_urls[name]}/readyz")
            await stage.pipeline.processes.start(name, *wrapped, env=own, ready=ready)
        await stage.rest(25)
        stage.seen["clocks stepped"] += sum(
            "the clock is stepped" in stage.process(name).output for name in CLOCK_STEPS
        )


SCENARIOS = (
    Scenario(
        "poison-message",
        "an order whose mapping hook ends the process: put aside as WORKER_CRASHED (1 dead)",
        poison,
        evidence={"WORKER_CRASHED": 1, "restarts": 3},
        env_of=poisoned_mapping,
        recovers_within_seconds=120.0,
    ),
    Scenario(
        "worker-frozen-in-a-call",
        "each worker frozen for 15 s, over twice the group session, with a call on the wire",
        freeze_in_a_call,
        evidence={"frozen": 2, f"exit {EXIT_FROZEN}": 1},
        has_stale_rule=True,
    ),
    Scenario(
        "worker-frozen-before-a-call",
        "each worker frozen for 15 s, with no call under way",
        freeze_before_a_call,
        evidence={"frozen": 2, f"exit {EXIT_FROZEN}": 1},
        has_stale_rule=True,
    ),
    Scenario(
        "clocks-stepped",
        "clocks jump under load: one worker +1 h, the other -1 h, ingress -2 h, relay +60 s",
        step_the_clocks,
        evidence={"clocks stepped": len(CLOCK_STEPS)},
        is_alone=True,
    ),
)
