"""Log lines: masked, structured, and with exceptions that quote nobody."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stream.ops.logs import exception_text, mask

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, logging, warnings
import structlog
from stream.ops.logs import configure_logs
configure_logs(level="info", style="json", process="test")
log = structlog.get_logger()
log.info("started", order="000000123", customer_email="jane@example.com", key="jane@example.com",
         texts=["mail of jane@example.com"], client_secret="s3cret", token="t0ken",
         headers={"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret"}, raw=b"jane@example.com",
         cause=ValueError("jane@example.com"), seen={"jane@example.com"}, apiKey="s3cret",
         by={"jane@example.com": 1}, address={"city": "Sesame Street", "state": "ok"})
try:
    raise ValueError("Jane Doe of Sesame Street")
except ValueError:
    log.exception("bug")
    logging.getLogger("library").exception("failed")
logging.getLogger("library").warning("no mail to %s", "jane@example.com")
warnings.warn("be warned")
async def main():
    async def fails():
        raise ValueError("Jane Doe of Sesame Street")
    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
asyncio.run(main())
import gc; gc.collect()
def dies():
    raise KeyError("Jane Doe of Sesame Street")
import threading
thread = threading.Thread(target=dies, name="watchdog")
thread.start()
thread.join()
class Closing:
    def __del__(self):
        raise LookupError("Jane Doe of Sesame Street")
Closing()
raise RuntimeError("Jane Doe of Sesame Street")
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stdout
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_is_json_whoever_wrote_it(lines) -> None:
    events = [str(line["event"]) for line in lines]
    for event in ("started", "bug", "failed", "Task exception", "uncaught_exception", "unraisable"):
        assert any(found.startswith(event) for found in events), event
    assert any("be warned" in event for event in events)
    assert all({"level", "timestamp"} <= set(line) for line in lines)
    assert {line["process"] for line in lines} == {"test"}


def test_nobody_is_quoted_by_an_exception(lines) -> None:
    text = json.dumps(lines)
    assert "Jane" not in text
    assert "Sesame" not in text
    assert text.count("ValueError") >= 3
    assert all(name in text for name in ("RuntimeError", "KeyError", "LookupError"))


def test_secrets_and_addresses_are_masked_wherever_they_stand(lines) -> None:
    text = json.dumps(lines)
    for secret in ("jane@", "s3cret", "t0ken"):
        assert secret not in text
    assert lines[0]["key"] == "j***@example.com"
    assert lines[0]["texts"] == ["mail of j***@example.com"]
    assert lines[0]["order"] == "000000123"


def test_the_cause_of_an_exception_is_told_too() -> None:
    def fail() -> None:
        try:
            {}["Jane"]
        except KeyError as error:
            raise ValueError("Doe") from error

    try:
        fail()
    except ValueError as error:
        text = exception_text(error)
    assert text.index("KeyError") < text.index("ValueError")
    assert "in fail" in text
    assert "KeyError: " not in text


def test_the_parts_of_a_group_are_told() -> None:
    text = exception_text(ExceptionGroup("two", [ValueError("a"), OSError("b")]))
    assert {"ValueError", "OSError", "ExceptionGroup"} <= set(text.split())


def test_a_line_without_anything_to_hide_stays_as_it_is() -> None:
    line = {"event": "batch", "events": 3, "offsets": {"magento.orders/1": [4, 9]}, "ratio": 0.5}
    assert mask(None, "", dict(line)) == line


def test_a_line_leaves_in_one_write() -> None:
    # Processes share a stream: what leaves in two writes is cut by another's line.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        environment = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        program = """
import logging, structlog
from stream.ops.logs import configure_logs
configure_logs(process="test")
structlog.get_logger().info("ours")
logging.getLogger("library").warning("theirs")
"""
        subprocess.run([sys.executable, "-c", program], env=environment, stderr=theirs, check=True)
        writes = [ours.recv(4096) for _ in range(2)]
    assert [json.loads(write)["event"] for write in writes] == ["ours", "theirs"]
    assert all(write.endswith(b"\n") for write in writes)
