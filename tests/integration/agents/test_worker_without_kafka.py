"""`orderstream worker` started while Kafka is away: it waits, says so, and ends when it is told."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from sandbox.processes import Processes, logs, orderstream
from sandbox.salesforce.keys import make_key_pair

AWAY_TWICE = logs(r"(?s)kafka_away.*again_in_seconds.*kafka_away.*again_in_seconds")


@pytest.fixture
async def processes(tmp_path) -> AsyncIterator[Processes]:
    async with Processes(tmp_path / "run") as processes:
        yield processes


async def test_a_worker_waits_for_kafka_and_ends_when_it_is_told(processes, tmp_path) -> None:
    private_key, _ = make_key_pair(tmp_path / "keys")
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "SALESFORCE_LOGIN_URL": "http://127.0.0.1:1",
        "SALESFORCE_INSECURE_URL": "http://127.0.0.1:1",
        "SALESFORCE_CLIENT_ID": "a-client",
        "SALESFORCE_USERNAME": "integration@example.com",
        "SALESFORCE_PRIVATE_KEY_PATH": str(private_key),
        "STATUS_HOST": "127.0.0.1",
        "STATUS_PORT": "0",
        "STATE_DIRECTORY": str(tmp_path),
    }
    worker = await processes.start(
        "worker", *orderstream("worker"), env=environment, ready=AWAY_TWICE
    )
    url = re.search(r"http://127\.0\.0\.1:\d+", worker.output)[0]
    async with aiohttp.ClientSession() as session:
        assert (await session.get(f"{url}/livez")).status == 200
        assert (await session.get(f"{url}/readyz")).status == 503
    assert await worker.stop() == 0
    assert "uncaught_exception" not in worker.output
    assert "worker_stopped" in worker.output
