"""The most telling chaos scenarios, at small scale: every test run hurts the whole pipe."""

import asyncio

import pytest

from chaos.perform import perform
from chaos.scenarios import SCENARIOS
from sandbox.broker import Source, choose_source
from sandbox.broker.jars import jars_directory
from sandbox.broker.tools import find_tools

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(300)]

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


async def run(name, tmp_path, servers, scale):
    card = await perform(BY_NAME[name], tmp_path / "run", scale=scale, bootstrap_servers=servers)
    assert card.broken == (), card.seen
    assert not card.skipped
    return card


@pytest.mark.proof
async def test_2000_orders_five_times_shuffled_are_2000_records_of_the_newest_state(
    tmp_path, bootstrap_servers
):
    card = await run("duplicates-shuffled", tmp_path, bootstrap_servers, 1.0)
    assert card.seen["shuffled deliveries"] == 10_000
    assert card.figures.records >= 2000


async def test_three_kills_in_mid_batch_and_a_storm_of_rebalances_lose_and_double_nothing(
    tmp_path, bootstrap_servers
):
    card = await run("kills-and-rebalance-storm", tmp_path, bootstrap_servers, 0.2)
    assert card.seen["kill -9"] >= 3
    assert card.seen["joined"] >= 1


@pytest.mark.proof
async def test_a_worker_that_dies_after_the_write_and_a_killed_broker_cost_nothing(
    tmp_path, bootstrap_servers
):
    """Side by side, each with a pipe of its own: they mostly wait."""
    source = choose_source(find_tools(jars=jars_directory()))
    hurts = [run("worker-killed-after-the-write", tmp_path / "write", bootstrap_servers, 0.1)]
    if source is Source.SANDBOX:  # else there is no broker that may be killed
        hurts.append(run("broker-killed", tmp_path / "broker", "", 0.2))
    await asyncio.gather(*hurts)
