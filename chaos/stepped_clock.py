"""Runs `orderstream …` with a clock that jumps: `python -m chaos.stepped_clock 8:-3600 worker …`.

After 8 s the wall clock, `time.time` and `time.time_ns`, goes back by an hour. Monotonic clocks go
on as they do when a machine's clock is set. `datetime.now` keeps the true time: it is C's own.
"""

from __future__ import annotations

import sys
import threading
import time

NANOSECONDS = 1_000_000_000


def step_clock(after_seconds: float, by_seconds: float) -> None:
    """Let this process's wall clock jump once."""
    true_ns = time.time_ns
    offset_ns = 0

    def shifted_ns() -> int:
        return true_ns() + offset_ns

    def shifted() -> float:
        return shifted_ns() / NANOSECONDS

    def step() -> None:
        nonlocal offset_ns
        offset_ns = int(by_seconds * NANOSECONDS)
        print(f"the clock is stepped by {by_seconds:+.0f} s", file=sys.stderr, flush=True)  # noqa: T201 - a process of its own: stderr is its log

    time.time, time.time_ns = shifted, shifted_ns
    timer = threading.Timer(after_seconds, step)
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    after, _, by = sys.argv[1].partition(":")
    step_clock(float(after), float(by))
    sys.argv[1:2] = []
    from cli.main import run

    run()
