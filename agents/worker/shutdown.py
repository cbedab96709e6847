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
import threading
from dataclasses import dataclass, field

import structlog

from agents.salesforce.interrupt import Interrupt
from stream.errors import FrozenError
from stream.kafka.error_text import RESOURCES, error_text
from stream.ops.alerts import Alert, Alerts
from stream.ops.stop_signals import EXIT_AGAIN, LAST_WORDS_SECONDS, stop_on_signals

log = structlog.get_logger()

__all__ = ["EXIT_AGAIN", "EXIT_STALLED", "Shutdown", "end_uncommitted"]

EXIT_STALLED = 70
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
        stop_on_signals(lambda: self._stop(deadline_seconds), deadline_seconds=deadline_seconds)

    @property
    def is_stopping(self) -> bool:
        """Whether a stop was asked for; any thread may ask."""
        return self.stopping.is_set()

    def when_rebalance_starts(self) -> None:
        """End long waits, so that what is in hand finishes before the partitions move."""
        self.interrupt.set("the group is rebalancing", patience_seconds=REBALANCE_PATIENCE_SECONDS)

    def when_assigned(self) -> None:
        """Forget the rebalance that is over; a stop is never forgotten."""
        if not self.is_stopping:
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

    def _stop(self, deadline_seconds: float) -> None:
        self.stopping.set()
        patience = deadline_seconds * STOP_PATIENCE_SHARE
        self.interrupt.set("the worker is stopping", patience_seconds=patience)
        log.info("stopping", deadline_seconds=deadline_seconds)


def end_uncommitted(error: BaseException, alerts: Alerts) -> None:
    """End the process without committing the batch in hand. Never returns."""
    is_frozen = isinstance(error, FrozenError)
    code = EXIT_AGAIN if is_frozen else EXIT_STALLED
    detail = str(error) if is_frozen else _why(error)
    words = threading.Thread(target=_last_words, args=(error, code, detail, alerts), daemon=True)
    words.start()
    words.join(LAST_WORDS_SECONDS)
    os._exit(code)


def _why(error: BaseException) -> str:
    """Return what ended the process; a bug's message may quote a customer, the log has its place.

    A right that was taken away while we ran is no bug, and a restart does not cure it.
    """
    if isinstance(error, tuple(RESOURCES)):
        return error_text(error, operation="Read")
    return f"a bug: {type(error).__name__}; the log says where"


def _last_words(error: BaseException, code: int, detail: str, alerts: Alerts) -> None:
    log.critical("ended_uncommitted", exit_code=code, exc_info=error)
    is_frozen = isinstance(error, FrozenError)
    alerts.fire(Alert.WORKER_FROZEN if is_frozen else Alert.WORKER_STALLED, detail)
