"""`orderstream setup` as a new user runs it: an empty folder, answers, and a first real order."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from dotenv import dotenv_values

from sandbox.magento.sender import Sender
from sandbox.magento.store import Store
from sandbox.org_remote import OrgRemote
from sandbox.ports import free_port
from sandbox.processes import Processes, answers, logs, module, orderstream
from sandbox.salesforce.server import CONSUMER_KEY, USERNAME
from schemas.event import Kind

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.kafka,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="starts the sandbox's processes"),
]
SECONDS = 120
STEPS = [
    "machine",
    "kafka",
    "topics",
    "secrets",
    "app",
    "login",
    "package",
    "mapping",
    "store",
    "sender",
    "validate",
]


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Processes]:
    """What is there before: the store. The org comes when its app has a certificate."""
    async with Processes(tmp_path / "outside") as processes:
        serve = module("sandbox.magento.rest_serve", "--orders", "3")
        await processes.start("store", *serve, ready=logs(r"^MAGENTO_ACCESS_TOKEN_SECRET="))
        yield processes


async def run_setup(processes: Processes, *arguments: str) -> tuple[int, str]:
    name = f"setup-{time.monotonic_ns()}"
    # The user's own environment says nothing of orderstream: `.env` is all there is.
    process = processes.spawn(name, *orderstream("setup", *arguments))
    process.is_stopping = True
    return await process.wait(timeout_seconds=SECONDS), process.output


async def test_from_an_empty_folder_to_a_synced_order(
    tmp_path, outside, bootstrap_servers, topic_prefix
):
    org_port, ingress_port = free_port(), free_port()
    org_url = f"http://127.0.0.1:{org_port}"
    store = dict(line.split("=", 1) for line in outside["store"].output.splitlines() if "=" in line)
    told = {
        "kafka": "own",
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "KAFKA_REPLICATION_FACTOR": 1,
        "KAFKA_TOPIC_PREFIX": topic_prefix,
        "KAFKA_PARTITIONS": 4,
        "SALESFORCE_LOGIN_URL": org_url,
        "SALESFORCE_INSECURE_URL": org_url,
        "SALESFORCE_CLIENT_ID": CONSUMER_KEY,
        "SALESFORCE_USERNAME": USERNAME,
        "INGRESS_SENDERS": "hmac",
        "ingress_url": f"http://127.0.0.1:{ingress_port}",
        "INGRESS_PORT": ingress_port,
        **store,
    }
    (tmp_path / "answers.yaml").write_text(yaml.safe_dump(told))
    async with Processes(tmp_path / "shop") as here:
        answered = ("--answers", "../answers.yaml")
        code, output = await run_setup(here, *answered)
        assert code == 1, output
        assert "login is next" in output  # no org answers yet
        env_path, key = here.directory / ".env", here.directory / ".orderstream" / "server.key"
        assert stat.S_IMODE(env_path.stat().st_mode) == 0o600
        assert stat.S_IMODE(key.stat().st_mode) == 0o600

        certificate = str(key.with_suffix(".crt"))
        arguments = ("--port", str(org_port), "--jwt-public-key", certificate, "--no-package")
        await outside.start(
            "org",
            *module("sandbox.salesforce", *arguments),
            ready=answers(f"{org_url}/services/data"),
        )
        code, output = await run_setup(here, *answered)
        assert code == 0, output
        assert output.count("done 20") == STEPS.index("login")  # not done again
        assert "7 orders went the whole way and were deleted again" in output
        written = dotenv_values(env_path)
        secret = written["MAGENTO_WEBHOOK_SECRET"]
        assert secret
        assert secret not in output

        async with OrgRemote(org_url) as org:
            assert await org.records("Opportunity") == []
            await start_printed_commands(here, output, ingress_port)
            first = next(event for event in Store(1).events(1) if event.kind is Kind.ORDER)
            async with Sender(f"http://127.0.0.1:{ingress_port}/magento/webhook", secret) as sender:
                receipt = await sender.send(first)
            assert receipt.is_accepted, receipt
            deadline = time.monotonic() + SECONDS
            while not (found := await org.records("Opportunity")):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
            assert len(found) == 1


async def start_printed_commands(here: Processes, output: str, ingress_port: int) -> None:
    """Start what the last words of setup name, on ports of this test."""
    printed = [line.split() for line in output.splitlines() if line.startswith("  orderstream ")]
    assert [line[1] for line in printed] == ["ingress", "worker", "relay"]
    for _, name in printed:
        port = ingress_port if name == "ingress" else free_port()
        env = {} if name == "ingress" else {"STATUS_PORT": str(port)}
        ready = answers(f"http://127.0.0.1:{port}/readyz")
        await here.start(name, *orderstream(name), env=env, ready=ready)


@pytest.mark.proof
async def test_a_kafka_started_here_outlives_the_command_and_is_found_again(tmp_path, own_broker):
    own_broker.stop()  # it was only asked whether this machine can have one
    (tmp_path / "answers.yaml").write_text("kafka: start\n")
    pid = 0
    async with Processes(tmp_path / "shop") as here:
        try:
            steps = ("--only", "kafka", "--only", "topics", "--answers", "../answers.yaml")
            code, output = await run_setup(here, *steps)
            assert code == 0, output
            pid = int(output.partition("Kafka runs as process ")[2].split()[0])
            code, output = await run_setup(here, *steps)
            assert code == 0, output
            assert "is there already" in output
            assert "0 of them were made or changed now" in output
        finally:
            if pid:
                os.kill(pid, 15)


async def test_what_is_wrong_in_the_answers_is_said_and_nothing_is_done(tmp_path):
    (tmp_path / "answers.yaml").write_text("KAFKA_PARTITIONS: many\n")
    async with Processes(tmp_path / "shop") as here:
        code, output = await run_setup(here, "--answers", "../answers.yaml")
        assert code == 2
        assert "KAFKA_PARTITIONS" in output
        assert not (here.directory / ".env").exists()
