"""Blocking calls off the event loop, each in a daemon thread that has nothing else to do.

Not a ThreadPoolExecutor: its threads are joined when the interpreter exits, so that one call that
hangs would hold a stopping worker for the whole call deadline. How many calls fly at once is
bounded by whoever sends them. A thread whose call is over takes a later one: starting a new one
holds the event loop until it runs, a fifteenth of a worker's time at one order a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
Inbox = SimpleQueue[Callable[[], None]]

_idle: list[Inbox] = []  # of threads without work; append and pop are atomic


async def in_thread(work: Callable[[], T], *, name: str) -> T:
    """Return what `work` returns or raise what it raises. Cancelling abandons the thread."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None comes beside an error only

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as failure:  # noqa: BLE001 (handed to the caller)
            error = failure
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    _hand_over(run, name)
    return await future


def _hand_over(work: Callable[[], None], name: str) -> None:
    try:
        inbox = _idle.pop()
    except IndexError:
        inbox = SimpleQueue()
        threading.Thread(target=_serve, args=(inbox,), name=name, daemon=True).start()
    inbox.put(work)


def _serve(inbox: Inbox) -> None:
    while True:
        inbox.get()()
        _idle.append(inbox)
