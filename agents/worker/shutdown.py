"""The life of a worker process: what ends it, how soon, and with which exit code.

| exit code | meaning |
|---|---|
| 0 | stopped on request, everything committed |
| 70 | stalled, or hit by a bug: ended by itself, uncommitted; start it again |
| 75 | stop deadline passed, or frozen: ended by itself, uncommitted; start it again |
| 128 + n | second signal n: ended at once, uncommitted |

Ended uncommitted loses nothing: what is in hand is redelivered, and the version guard recognises
what had been written already.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from dataclasses import dataclass, field

import structlog

from agents.salesforce.interrupt import Interrupt
from stream.errors import FrozenError
from stream.ops.alerts import Alert, Alerts

log = structlog.get_logger()

EXIT_STALLED = 70
EXIT_AGAIN = 75
# The group waits for this worker meanwhile; far below the rebalance timeout.
REBALANCE_PATIENCE_SECONDS = 10.0
# Of the stop's deadline: how long a call still waits for its turn. Those that fly may take longer.
STOP_PATIENCE_SHARE = 0.3


@dataclass(slots=True)
class Shutdown:
    """What has been asked of this process."""

    interrupt: Interrupt = field(default_factory=Interrupt)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def install(self, deadline_seconds: float) -> None:
        """Handle SIGTERM and SIGINT: the first one stops, the second one ends at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number, deadline_seconds)

    def when_rebalance_starts(self) -> None:
        """End long waits, so that what is in hand finishes before the partitions move."""
        self.interrupt.set("the group is rebalancing", patience_seconds=REBALANCE_PATIENCE_SECONDS)

    def when_assigned(self) -> None:
        """Forget the rebalance that is over; a stop is never forgotten."""
        if not self.stopping.is_set():
            self.interrupt.clear()

    async def pause(self, seconds: float) -> None:
        """Wait, at most until a stop or a rebalance is asked for."""
        if seconds <= 0 or self.interrupt.is_set:
            return
        woken = asyncio.Event()
        self.interrupt.listeners.append(woken.set)
        try:
            async with asyncio.timeout(seconds):
                await woken.wait()
        except TimeoutError:
            return
        finally:
            self.interrupt.listeners.remove(woken.set)

    def _on_signal(self, number: signal.Signals, deadline_seconds: float) -> None:
        if self.stopping.is_set():
            log.warning("ended_at_once", signal=number.name)
            os._exit(128 + number)
        log.info("stopping", signal=number.name, deadline_seconds=deadline_seconds)
        self.stopping.set()
        patience = deadline_seconds * STOP_PATIENCE_SHARE
        self.interrupt.set("the worker is stopping", patience_seconds=patience)
        # A thread, because the event loop may be what hangs.
        timer = threading.Timer(deadline_seconds, _end_at_deadline, (deadline_seconds,))
        timer.daemon = True
        timer.start()


def end_uncommitted(error: Exception, alerts: Alerts) -> None:
    """End the process without committing the batch in hand. Never returns."""
    is_frozen = isinstance(error, FrozenError)
    code = EXIT_AGAIN if is_frozen else EXIT_STALLED
    # A bug's message may quote a customer; where it happened is in the log.
    detail = str(error) if is_frozen else f"a bug: {type(error).__name__}; the log says where"
    alerts.fire(Alert.WORKER_FROZEN if is_frozen else Alert.WORKER_STALLED, detail)
    log.critical("ended_uncommitted", exit_code=code, exc_info=error)
    os._exit(code)


def _end_at_deadline(seconds: float) -> None:
    log.error("stop_deadline", seconds=seconds, exit_code=EXIT_AGAIN)
    os._exit(EXIT_AGAIN)
