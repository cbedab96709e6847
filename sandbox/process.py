"""One process of our own: started tethered, stopped or killed for certain, its log at hand."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

TETHER = Path(__file__).with_name("tether.py")

POLL_SECONDS = 0.02
STOP_TIMEOUT_SECONDS = 30.0
LOG_TAIL_LINES = 25


class ProcessError(RuntimeError):
    """A process ended, or did not get ready; the message ends with the last lines of its log."""

    def __init__(self, process: Process, what: str) -> None:
        self.process = process
        super().__init__(f"{process.name} {what}; end of {process.log_path}:\n{process.log_tail()}")


class Process:
    """One started process. It leads its own process group, so Ctrl-C reaches only the starter."""

    def __init__(
        self, name: str, argv: tuple[str, ...], env: Mapping[str, str], log_path: Path, cwd: Path
    ) -> None:
        self.name = name
        self.argv = argv
        self.env = dict(env)
        self.log_path = log_path
        self.cwd = cwd
        self.is_stopping = False
        self._log_start = log_path.stat().st_size if log_path.exists() else 0
        command = [sys.executable, "-S", "-E", str(TETHER), str(os.getpid()), *argv]
        with log_path.open("ab") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - the command is the caller's
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative after a signal.

        The moment its end is seen, what it left behind in its group ends too: later its pid may
        be somebody else's.
        """
        if self._popen.returncode is None and self._popen.poll() is not None:
            self._signal_group(signal.SIGKILL)
        return self._popen.returncode

    @property
    def is_running(self) -> bool:
        return self.returncode is None

    @property
    def output(self) -> str:
        """What it wrote since this start (a restart appends to the same file)."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        return "\n".join(self.output.splitlines()[-lines:])

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the process itself; a no-op when it has ended."""
        if self.is_running:
            self._popen.send_signal(number)

    def freeze(self) -> None:
        """Stop its clock as a hung machine does (SIGSTOP to the whole group); it has stopped."""
        if self.is_running:
            self._signal_group(signal.SIGSTOP)
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        if self.is_running:
            self._signal_group(signal.SIGCONT)

    async def wait(self, *, timeout_seconds: float) -> int:
        """Return the exit code; raises TimeoutError."""
        async with asyncio.timeout(timeout_seconds):
            while (code := self.returncode) is None:  # noqa: ASYNC110 - the kernel sets no Event
                await asyncio.sleep(POLL_SECONDS)
        return code

    async def stop(self, *, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> int:
        """SIGTERM, and SIGKILL after the timeout; returns the exit code."""
        self.is_stopping = True
        self.send_signal(signal.SIGTERM)
        self.thaw()
        try:
            return await self.wait(timeout_seconds=timeout_seconds)
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """SIGKILL the process and what it started; returns the exit code."""
        self.is_stopping = True
        if self.is_running:
            self._signal_group(signal.SIGKILL)
        return await self.wait(timeout_seconds=STOP_TIMEOUT_SECONDS)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
