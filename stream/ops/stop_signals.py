"""A process ends when it is told to: SIGTERM and SIGINT, and a deadline that nothing can stop.

The act first, the word second: a log may be a pipe whose reader has gone, or one that nobody reads
and that blocks. So the signal is taken at once by the interpreter, not by the event loop (which may
be what hangs), and wakes a thread that was there before; that thread ends the process when the
deadline has passed, and speaks only as far as somebody listens.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import structlog

log = structlog.get_logger()

EXIT_AGAIN = 75
# How long the last words of a process may take to be read.
LAST_WORDS_SECONDS = 1.0


def stop_on_signals(stop: Callable[[], None], *, deadline_seconds: float) -> None:
    """Call `stop` in the running loop at the first signal; end the process at the second.

    The process ends itself with exit code 75 when it is still there after the deadline.
    """
    loop = asyncio.get_running_loop()
    told = threading.Event()
    reader, writer = os.pipe()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if told.is_set():
            os._exit(128 + number)
        told.set()
        os.write(writer, b"!")  # wakes the thread; no lock is taken inside a signal handler
        with suppress(RuntimeError):  # the loop is closed: the process is ending
            loop.call_soon_threadsafe(stop)

    def hold_deadline() -> None:
        os.read(reader, 1)
        time.sleep(deadline_seconds)
        end_now(EXIT_AGAIN, "stop_deadline", seconds=deadline_seconds)

    threading.Thread(target=hold_deadline, name="stop-deadline", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)


def end_now(code: int, event: str, **more: object) -> None:
    """End the process; its last words are said aside, and not waited for for long."""
    speaking = threading.Thread(
        target=lambda: log.critical(event, exit_code=code, **more), daemon=True
    )
    speaking.start()
    speaking.join(LAST_WORDS_SECONDS)
    os._exit(code)
