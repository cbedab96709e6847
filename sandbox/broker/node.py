"""One Kafka process: ready when `launch` returns, gone when its owner is gone.

A JVM that outlives the test run that started it eats 210 MB until somebody notices. So a shell
waits at the end of a pipe that only we hold open: when we die, however we die, it kills the JVM and
removes a temporary directory. (A parent-death signal would do on Linux only, and it follows the
starting thread, not the process.)
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.broker.jars import ensure_jars, jars_directory
from sandbox.broker.properties import render
from sandbox.broker.tools import LEAST_JAVA, BrokerError, find_java, why_not

READY_SECONDS = 120
STOP_SECONDS = 20
POLL_SECONDS = 0.05
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


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs Kafka here: a Java and the folder of its jars."""

    java: str
    java_version: int
    jars: Path
    options: tuple[str, ...] = ()

    @classmethod
    def find(cls) -> Runtime:
        """Return this machine's, after the first download if need be. Raises BrokerError."""
        tools = find_java(jars=jars_directory())
        if tools.java_version < LEAST_JAVA or not (tools.maven or tools.has_jars):
            raise BrokerError(why_not(tools, may_kill=True))
        return cls(tools.java, tools.java_version, ensure_jars(tools.maven))

    @property
    def class_archive(self) -> Path:
        """Where the JVM finds Kafka's classes ready to use, if `make_class_archive` has run."""
        return self.jars.with_name(f"{self.jars.name}-java{self.java_version}.jsa")

    @property
    def command(self) -> list[str]:
        options = [*JVM_OPTIONS, *self.options]
        if not self.options and self.class_archive.is_file():
            options += [f"-XX:SharedArchiveFile={self.class_archive}", "-Xshare:auto"]
        return [self.java, *options, "-cp", f"{self.jars}/*"]


class Node:
    """A broker, a controller, or both in one. `removed`: the directory that ends with its owner."""

    def __init__(
        self,
        runtime: Runtime,
        directory: Path,
        *,
        cluster_id: str,
        removed: Path | None = None,
    ) -> None:
        self.directory = directory
        self.log_path = directory / "broker.log"
        self.properties: Mapping[str, str] = {}
        self.process: subprocess.Popen[bytes]
        self._java = runtime.command
        self._cluster_id = cluster_id
        self._removed = removed
        self._leash: subprocess.Popen[bytes] | None = None
        self.is_paused = False

    @property
    def is_running(self) -> bool:
        """Whether the JVM is there (a paused one is)."""
        return self._leash is not None and self.process.poll() is None

    def pause(self) -> None:
        """Freeze the node (SIGSTOP): connections stay open and nothing answers.

        Returns when it has stopped: on a busy machine its threads run on for a moment.
        """
        self.is_paused = True
        self.process.send_signal(signal.SIGSTOP)
        if self.is_running:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """End a pause (SIGCONT)."""
        self.is_paused = False
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
        self.launch()

    def launch(self) -> None:
        """Start with `properties` and return when it serves. Raises BrokerError."""
        config = self.directory / "server.properties"
        config.write_text(render(self.properties))
        data = Path(self.properties["log.dirs"])
        if not (data / "meta.properties").exists():
            self._format(config)
        seen = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - Java, with our own arguments
                [*self._java, "kafka.Kafka", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop the node in good order
            )
        self._tie()
        try:
            self._wait_until_ready(seen)
        except BaseException:
            self.kill()
            raise

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the node's log, without Java's stack frames."""
        if not self.log_path.exists():
            return ""
        log = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join([line for line in log if not line.startswith("\tat ")][-lines:])

    def _format(self, config: Path) -> None:
        tool = [*self._java, "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        done = subprocess.run(  # noqa: S603 - Java, with our own arguments
            [*tool, f"--cluster-id={self._cluster_id}", "-c", str(config)],
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
        self._leash = subprocess.Popen(  # noqa: S603 - a constant script
            ["/bin/sh", "-c", LEASH, "leash", str(self.process.pid), str(self._removed or "")],
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
