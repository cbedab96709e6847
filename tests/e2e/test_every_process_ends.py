"""Every process ends when it is told to, also when the reader of its log has gone.

As `timeout 8 orderstream worker 2>&1 | head -5` does it: whoever reads takes some lines and leaves.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from contextlib import suppress
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from sandbox.ports import free_port
from sandbox.processes import PROJECT_DIRECTORY, orderstream

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(300)]

SECRETS = {
    "MAGENTO_WEBHOOK_SECRET": "a-webhook-secret-of-these-tests-51c0",
    "DASHBOARD_OPERATOR_PASSWORD": "a-long-password-of-operators-7e",
}
# Command, the setting of its port, and the page that answers.
COMMANDS = {
    "worker": (("worker",), "STATUS_PORT", "/readyz"),
    "ingress": (("ingress",), "INGRESS_PORT", "/readyz"),
    "two ingresses": (("ingress", "--workers", "2"), "INGRESS_PORT", "/readyz"),
    "relay": (("relay",), "STATUS_PORT", "/readyz"),
    "dashboard": (("dashboard",), "DASHBOARD_PORT", "/readyz"),
    "exporter": (("lag", "--serve", "--interval", "1"), "", "/metrics"),
}


ALIKE = ("ingress", "relay", "exporter")  # of the kind of those that stay


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.proof] * (name in ALIKE)) for name in COMMANDS],
)
async def test_a_process_whose_reader_has_gone_ends_as_told(make_rig, name):
    rig = await make_rig(**SECRETS)
    arguments, setting, page = COMMANDS[name]
    port = free_port()
    env = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    env |= {"PYTHONPATH": str(PROJECT_DIRECTORY), **rig.env, setting or "UNUSED": str(port)}
    env["STATE_DIRECTORY"] = str(rig.processes.directory / "state")
    command = orderstream(*arguments, *(() if setting else ("--port", str(port))))
    reader, writer = os.pipe()
    process = subprocess.Popen(command, env=env, stdout=writer, stderr=writer)
    os.close(writer)
    try:
        await _until_answered(process, f"http://127.0.0.1:{port}{page}")
        os.set_blocking(reader, False)
        with suppress(BlockingIOError):
            os.read(reader, 64)
        os.close(reader)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 60) == 0
    finally:
        process.kill()


async def _until_answered(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + 60
    while not await asyncio.to_thread(_answers, url):
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline, "it did not become ready"
        await asyncio.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return answer.status == 200
    except (URLError, OSError):
        return False
