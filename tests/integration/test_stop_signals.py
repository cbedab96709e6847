"""A process ends when it is told to, whoever listens to its log and whatever its loop does."""

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, sys, time, structlog
from stream.ops.logs import configure_logs
from stream.ops.stop_signals import stop_on_signals

async def main(kind):
    configure_logs()
    log = structlog.get_logger()
    stopping = asyncio.Event()
    def stop():
        log.info("stopping")
        if kind != "deaf":
            stopping.set()
    stop_on_signals(stop, deadline_seconds=1)
    print("ready", flush=True)
    sys.stdout = None
    if kind == "busy":
        time.sleep(600)
    if kind == "unread":
        while True:
            log.info("x" * 4096)
    while not stopping.is_set():
        log.info("a line that nobody reads")
        await asyncio.sleep(0.01)

import uvloop
{"uvloop": uvloop.run, "asyncio": asyncio.run}[sys.argv[2]](main(sys.argv[1]))
"""


def started(kind, stderr, loop="uvloop"):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, kind, loop], stdout=subprocess.PIPE, stderr=stderr
    )
    with process.stdout as lines:
        assert lines.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize(
    ("kind", "code"),
    [("well", 0), ("deaf", 75), ("busy", 75)],
)
def test_a_log_whose_reader_has_gone_changes_nothing(kind, code, loop):
    reader, writer = os.pipe()
    process = started(kind, writer, loop)
    os.close(writer)
    os.close(reader)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == code


def test_a_log_that_blocks_cannot_stop_the_deadline():
    reader, writer = os.pipe()
    process = started("unread", writer)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 75
    os.close(writer)
    os.close(reader)


def test_a_second_signal_ends_at_once():
    process = started("deaf", subprocess.DEVNULL)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) in (128 + signal.SIGINT, 128 + signal.SIGTERM)
