"""The live tail: outcomes to whoever watches, without letting a slow watcher hold anything up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

QUEUED_OUTCOMES = 200

# None ends the stream of a watcher.
Queue: TypeAlias = asyncio.Queue[dict[str, Any] | None]


class Tail:
    """Hands outcomes to the open watchers; one that does not keep up misses the oldest."""

    def __init__(self) -> None:
        self._watchers: set[Queue] = set()

    @contextmanager
    def watch(self) -> Iterator[Queue]:
        """Yield a queue that gets every outcome from now on."""
        queue: Queue = asyncio.Queue(QUEUED_OUTCOMES)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    def tell(self, outcomes: Sequence[dict[str, Any]]) -> None:
        for queue in self._watchers:
            for outcome in outcomes[-QUEUED_OUTCOMES:]:
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(outcome)

    def close(self) -> None:
        """End every stream: the server is shutting down."""
        for queue in self._watchers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
