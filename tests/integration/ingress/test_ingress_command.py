"""`orderstream ingress` as a process, or several: start, signals, deaths. Kafka is away throughout."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator

import orjson
import pytest
from support.http_wire import exchange, head, post, signature

from sandbox.process import Process, ProcessError
from sandbox.processes import Processes, logs, orderstream

SECRET = "a-secret-for-tests-only-0123456789"
ORDER = b'{"event":"sales_order_save_after","order":{"increment_id":"1"}}'
ENVIRONMENT = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "MAGENTO_WEBHOOK_SECRET": SECRET,
    "INGRESS_PUBLISH_TIMEOUT_SECONDS": "0.5",
}
LISTENING = logs(r'^\{"listening":')


@pytest.fixture
async def processes(tmp_path) -> AsyncIterator[Processes]:
    async with Processes(tmp_path / "run") as processes:
        yield processes


async def start(processes: Processes, *arguments: str, **environment: str) -> Process:
    command = orderstream("ingress", "--port", "0", *arguments)
    return await processes.start(
        "ingress", *command, env=ENVIRONMENT | environment, ready=LISTENING
    )


def announced(process: Process) -> dict:
    lines = [line for line in process.output.splitlines() if line.startswith('{"listening"')]
    assert len(lines) == 1
    return orjson.loads(lines[0])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.05)


async def test_it_says_where_it_listens_and_serves_without_kafka(processes, tmp_path) -> None:
    ready_file = tmp_path / "ready.json"
    process = await start(processes, "--ready-file", str(ready_file))
    said = announced(process)
    assert said == orjson.loads(ready_file.read_bytes())
    assert said["pids"] == [process.pid]
    url = said["listening"]
    assert (await exchange(url, head("GET", "/livez"))).status == 200
    ready = await exchange(url, head("GET", "/readyz"))
    assert (ready.status, "Kafka" in ready.json["reason"]) == (503, True)
    signed = f"X-Magento-Signature: {signature(SECRET, ORDER)}"
    answer = await exchange(url, post(ORDER, signed))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert SECRET not in process.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_exit_code_0(processes, number) -> None:
    process = await start(processes)
    process.send_signal(number)
    assert await process.wait(timeout_seconds=20) == 0


async def test_missing_settings_are_all_named_and_exit_2(processes) -> None:
    with pytest.raises(ProcessError):
        await processes.start("bare", *orderstream("ingress"), env={}, ready=LISTENING)
    process = processes["bare"]
    assert process.returncode == 2
    assert "KAFKA_BOOTSTRAP_SERVERS" in process.output
    assert "MAGENTO_WEBHOOK_SECRET" in process.output
    assert "Traceback" not in process.output


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_taken_port_is_named_and_exit_2(processes, workers) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(ProcessError):
            await start(processes, "--port", port, "--workers", workers)
    process = processes["ingress"]
    assert process.returncode == 2
    assert "INGRESS_PORT" in process.output
    assert "Traceback" not in process.output


async def test_workers_share_a_port_and_their_figures(processes) -> None:
    process = await start(processes, "--workers", "2")
    said = announced(process)
    assert len(set(said["pids"])) == 2
    assert process.pid not in said["pids"]
    for _ in range(20):
        assert (await exchange(said["listening"], head("GET", "/nothing"))).status == 404
    pages = [await exchange(said["listening"], head("GET", "/metrics")) for _ in range(6)]
    line = b'orderstream_ingress_requests_total{reason="not_found",status="404"} 20.0'
    assert all(line in page.body for page in pages)


async def test_a_killed_worker_is_replaced_and_the_others_go_on(processes) -> None:
    process = await start(processes, "--workers", "2")
    said = announced(process)
    os.kill(said["pids"][0], signal.SIGKILL)
    await until(lambda: "child_ready" in process.output.partition("child_died")[2])
    for _ in range(10):
        assert (await exchange(said["listening"], head("GET", "/livez"))).status == 200
    assert process.is_running


async def test_sigterm_ends_all_workers_and_then_the_parent(processes) -> None:
    process = await start(processes, "--workers", "2")
    pids = announced(process)["pids"]
    process.send_signal(signal.SIGTERM)
    assert await process.wait(timeout_seconds=20) == 0
    assert not any(is_alive(pid) for pid in pids)
    assert process.output.count("ingress_stopped") == 2


async def test_workers_do_not_outlive_a_killed_parent(processes) -> None:
    process = await start(processes, "--workers", "2")
    pids = announced(process)["pids"]
    os.kill(process.pid, signal.SIGKILL)
    await until(lambda: not any(is_alive(pid) for pid in pids))
