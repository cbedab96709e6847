"""Coroutines that are begun without a task: most need none, for they end without waiting.

try:
    obstacle = work.send(None)
except StopIteration as ended:
    …  # done; ended.value is what it returns
else:
    task = asyncio.create_task(rest_of(work, obstacle))
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def rest_of(begun: Coroutine[Any, Any, T], obstacle: Any) -> T:
    """Finish a coroutine that was begun outside of a task and waits for `obstacle`."""
    return await _steps(begun, obstacle)


@coroutine
def _steps(begun: Coroutine[Any, Any, T], obstacle: Any) -> Generator[Any, Any, T]:
    failure: BaseException | None
    while True:
        try:
            value = yield obstacle
        except GeneratorExit:
            begun.close()
            raise
        except BaseException as error:  # noqa: BLE001 - it is the coroutine's, cancellation too
            failure, value = error, None
        else:
            failure = None
        try:
            obstacle = begun.throw(failure) if failure is not None else begun.send(value)
        except StopIteration as ended:
            result: T = ended.value
            return result
