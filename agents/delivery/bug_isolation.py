"""A bug of ours that one event brings out costs that event, and never those it was sent with.

What came together comes back together from a retry tier: blamed together, all of a batch would be
tried, and given up, for the one. So who was in the work that broke is sent again by halves, until
the guilty one is alone. What was written before the break is written again, by the same key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from agents.delivery.types import RefusedWrite
from agents.salesforce.errors.error_kind import ErrorKind
from stream.errors import FrozenError

log = structlog.get_logger()

ENOUGH_ALONE = 3  # broke on their own, and nobody passed: it is everybody's, and calls cost
UNEXPECTED = "UNEXPECTED"
_FIX = "The worker's log has the traceback; report it."

Item = TypeVar("Item")


async def isolate(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Awaitable[None]],
    blame: Callable[[Item, Exception], None],
) -> None:
    """Do the work for all; whom a bug keeps from it is blamed. Raises FrozenError only."""
    parts, alone, has_passed = [items], 0, False
    while parts:
        part = parts.pop()
        try:
            await work(part)
        except FrozenError:
            raise
        except Exception as error:
            log.exception("dispatch_bug", bundles=len(part))
            if len(part) > 1 and (has_passed or alone < ENOUGH_ALONE):
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            alone += 1
            for item in part:
                blame(item, error)
        else:
            has_passed = True


def bug_of(error: Exception) -> RefusedWrite:
    """Return the outcome of who brings out a bug: tried again, and counted."""
    what = f"a bug in orderstream: {type(error).__name__}"
    return RefusedWrite(ErrorKind.TRANSIENT, UNEXPECTED, what, fix=_FIX, rule=UNEXPECTED)
