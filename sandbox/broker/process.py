"""The broker's process: ready when `start` returns, gone when its owner is gone.

A JVM that outlives the test run that started it eats 210 MB until somebody notices. So a shell
waits at the end of a pipe that only we hold open: when we die, however we die, it kills the JVM and
removes a temporary directory. (A parent-death signal would do on Linux only, and it follows the
starting thread, not the process.)
"""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from sandbox.broker.jars import ensure_jars, jars_directory
from sandbox.broker.properties import render, server_properties
from sandbox.broker.tools import LEAST_JAVA, BrokerError, find_java, why_not
from sandbox.ports import HOST, free_ports

READY_SECONDS = 60
STOP_SECONDS = 20
POLL_SECONDS = 0.05
PORT_ATTEMPTS = 3
# Below the range from which Linux and macOS take the ports of outgoing connections: a broker that
# is down for a moment finds its port free again.
READY_LINE = "Kafka Server started"
JVM_OPTIONS = [
    "-Xms256m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
]
# $1 = pid of the JVM, $2 = directory to remove or nothing. A zombie in a container without init
# never vanishes, hence the bound.
LEASH = """
read -r _
kill -9 "$1" 2>/dev/null
[ -n "$2" ] || exit 0
n=0
while kill -0 "$1" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done
rm -rf "$2"
"""


class Broker:
    """One Apache Kafka in KRaft mode on 127.0.0.1. Made by `Broker.start`; a context manager."""

    def __init__(
        self,
        *,
        java: str,
        jars: Path,
        directory: Path,
        is_temporary: bool,
        extra_properties: Mapping[str, str],
    ) -> None:
        self.directory = directory
        self.log_path = directory / "broker.log"
        self.port = 0
        self.process: subprocess.Popen[bytes]
        self._java = [java, *JVM_OPTIONS, "-cp", f"{jars}/*"]
        self._is_temporary = is_temporary
        self._extra_properties = extra_properties
        self._controller_port = 0
        self._leash: subprocess.Popen[bytes] | None = None
        self._lock = _lock(directory)

    @classmethod
    def start(
        cls,
        directory: str | Path | None = None,
        *,
        keep: bool = False,
        extra_properties: Mapping[str, str] | None = None,
    ) -> Broker:
        """Start a broker and return when it serves: 2 to 4 s, plus the first download.

        A directory you name is never removed, and a second start on it finds the data (on other
        ports). Without one, a temporary directory is used and removed by `stop`, unless `keep`.
        Raises BrokerError.
        """
        tools = find_java(jars=jars_directory())
        if tools.java_version < LEAST_JAVA or not (tools.maven or tools.has_jars):
            raise BrokerError(why_not(tools, may_kill=True))
        jars = ensure_jars(tools.maven)
        is_temporary = directory is None and not keep
        home = Path(directory or tempfile.mkdtemp(prefix="orderstream-kafka-")).resolve()
        home.mkdir(parents=True, exist_ok=True)
        broker = cls(
            java=tools.java,
            jars=jars,
            directory=home,
            is_temporary=is_temporary,
            extra_properties=extra_properties or {},
        )
        try:
            broker._start_on_free_ports()
        except BaseException:
            broker.stop()
            raise
        return broker

    @property
    def bootstrap_servers(self) -> str:
        """host:port for clients."""
        return f"{HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether the JVM is there (a paused one is)."""
        return self._leash is not None and self.process.poll() is None

    def pause(self) -> None:
        """Freeze the broker (SIGSTOP): connections stay open and nothing answers.

        Returns when it has stopped: on a busy machine its threads run on for a moment.
        """
        self.process.send_signal(signal.SIGSTOP)
        if self.is_running:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """End a pause (SIGCONT)."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the JVM as a power cut would (SIGKILL). The data stays: `restart` uses it."""
        if self._leash is not None:
            self.process.kill()
            self.process.wait()
            self._let_go()

    def halt(self) -> None:
        """End the JVM in good order (SIGTERM). The data stays: `restart` uses it."""
        if self._leash is None:
            return
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._let_go()

    def restart(self) -> None:
        """Start again on the same ports and data, after `halt`, after `kill`, or while running."""
        self.halt()
        self._launch()

    def stop(self) -> None:
        """End the broker and remove its directory if that is temporary. May be called twice."""
        self.halt()
        self._lock.close()
        if self._is_temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the broker's log, without Java's stack frames."""
        if not self.log_path.exists():
            return ""
        log = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join([line for line in log if not line.startswith("\tat ")][-lines:])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_on_free_ports(self) -> None:
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self.port, self._controller_port = free_ports(2)
            try:
                return self._launch()
            except BrokerError as error:
                # Somebody took the port between our look and the JVM's bind.
                if attempt == PORT_ATTEMPTS or "Address already in use" not in str(error):
                    raise
        return None

    def _launch(self) -> None:
        config = self.directory / "server.properties"
        data = self.directory / "data"
        properties = server_properties(
            port=self.port,
            controller_port=self._controller_port,
            data_directory=data,
            extra=self._extra_properties,
        )
        config.write_text(render(properties))
        if not (data / "meta.properties").exists():
            self._format(config)
        seen = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - Java, with our own arguments
                [*self._java, "kafka.Kafka", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop the broker in good order
            )
        self._tie()
        try:
            self._wait_until_ready(seen)
        except BaseException:
            self.kill()
            raise

    def _format(self, config: Path) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        tool = [*self._java, "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        done = subprocess.run(  # noqa: S603 - Java, with our own arguments
            [*tool, f"--cluster-id={cluster_id}", "-c", str(config)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BrokerError(f"Kafka could not format {config}:\n{done.stdout}{done.stderr}")

    def _wait_until_ready(self, seen: int) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with self.log_path.open("rb") as log:
                log.seek(seen)
                if READY_LINE.encode() in log.read():
                    return
            if self.process.poll() is not None:
                raise BrokerError(f"Kafka ended while it started:\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)
        raise BrokerError(f"Kafka was not ready after {READY_SECONDS} s:\n{self.log_tail()}")

    def _tie(self) -> None:
        """Tie the JVM's life to ours."""
        remove = str(self.directory) if self._is_temporary else ""
        self._leash = subprocess.Popen(  # noqa: S603 - a constant script
            ["/bin/sh", "-c", LEASH, "leash", str(self.process.pid), remove],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _let_go(self) -> None:
        leash, self._leash = self._leash, None
        if leash is not None:
            leash.kill()
            leash.wait()
            if leash.stdin is not None:
                leash.stdin.close()


def _lock(directory: Path) -> BinaryIO:
    """Hold a directory for as long as the returned file is open."""
    file = (directory / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BrokerError(f"{directory} is in use: another broker runs on it") from None
    return file
