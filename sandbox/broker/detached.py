"""A broker that goes on when the command that started it has ended: `python -m sandbox.broker`."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from sandbox.broker.tools import BrokerError
from sandbox.ports import HOST
from sandbox.processes import PROJECT_DIRECTORY, surroundings

READY_SECONDS = 300.0  # the first start ever downloads Kafka
POLL_SECONDS = 0.1
TAIL_CHARACTERS = 2000


def command(directory: Path, port: int) -> tuple[str, ...]:
    """Return the command line that starts this broker, now or after the next boot."""
    place = ("--directory", str(directory), "--port", str(port))
    return (sys.executable, "-m", "sandbox.broker", *place)


def is_listening(address: str) -> bool:
    """Return whether somebody takes connections at host:port of this machine."""
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.settimeout(1)
        return host == HOST and port.isdigit() and probe.connect_ex((host, int(port))) == 0


def start_detached(directory: Path, port: int) -> int:
    """Start it and return its pid when it serves. Raises BrokerError with the end of its log."""
    directory.mkdir(parents=True, exist_ok=True)
    log_path = directory / "start.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
            command(directory, port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=surroundings() | {"PYTHONPATH": str(PROJECT_DIRECTORY)},
        )
    deadline = time.monotonic() + READY_SECONDS
    while f"{HOST}:{port}\n" not in log_path.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise BrokerError(log_path.read_text(errors="replace")[-TAIL_CHARACTERS:].strip())
        time.sleep(POLL_SECONDS)
    return process.pid
