"""Counts the calls, so that a test can say 'one call', 'never more than four at once'."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOG_LENGTH = 2000  # calls kept one by one


class CallCounts:
    """Totals since the last reset, and the newest calls one by one."""

    def __init__(self) -> None:
        self.started_at = time.monotonic()
        self.total = 0
        self.token_calls = 0
        self.rows = 0
        self.in_flight = 0
        self.max_concurrent = 0
        self.by_path: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()
        self.log: deque[dict[str, Any]] = deque(maxlen=_LOG_LENGTH)
        self._last_id = 0
        self._running: dict[str, float] = {}

    def next_call_id(self) -> str:
        self._last_id += 1
        return f"call-{self._last_id}"

    @contextmanager
    def running(self, call_id: str) -> Iterator[None]:
        """Count a call as in flight for the length of the block."""
        self._running[call_id] = time.monotonic()
        self.in_flight = len(self._running)
        self.max_concurrent = max(self.max_concurrent, self.in_flight)
        try:
            yield
        finally:
            del self._running[call_id]
            self.in_flight = len(self._running)

    def running_longer_than(self, seconds: float) -> int:
        """Return how many calls have been in flight for at least that long."""
        earliest = time.monotonic() - seconds
        return sum(started <= earliest for started in self._running.values())

    def note(self, *, call_id: str, name: str, status: int | str, rows: int, began: float) -> None:
        """Count a finished call; `name` is method and path without ids, `began` monotonic."""
        self.total += 1
        self.by_path[name] += 1
        self.by_status[str(status)] += 1
        self.log.append(
            {
                "call_id": call_id,
                "name": name,
                "status": status,
                "rows": rows,
                "monotonic": began,
                "duration_ms": round((time.monotonic() - began) * 1000, 3),
            }
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "token_calls": self.token_calls,
            "rows": self.rows,
            "in_flight": self.in_flight,
            "max_concurrent": self.max_concurrent,
            "by_path": dict(self.by_path),
            "by_status": dict(self.by_status),
        }
