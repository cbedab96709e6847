"""What processes cost: CPU time and resident memory, from /proc, of a process and its children.

CPU time is the fair measure on a machine that does other work too: a process that waits for its
turn pays nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Places in /proc/<pid>/stat behind the command name (proc(5)), which may hold spaces.
PARENT, USER_TICKS, SYSTEM_TICKS, RESIDENT_PAGES = 1, 11, 12, 21


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds used so far and bytes resident now."""

    cpu_seconds: float = 0.0
    resident_bytes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.cpu_seconds + other.cpu_seconds, self.resident_bytes + other.resident_bytes
        )


def usage_of(pid: int) -> Usage:
    """Return the usage of a process and everything below it; of ended ones nothing."""
    stats = {int(path.name): _stat(path) for path in Path("/proc").iterdir() if _is_pid(path)}
    wanted, total = {pid}, Usage()
    for number in sorted(stats):
        fields = stats[number]
        if not fields or not (number in wanted or int(fields[PARENT]) in wanted):
            continue
        wanted.add(number)
        ticks = int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])
        total += Usage(ticks / TICKS_PER_SECOND, int(fields[RESIDENT_PAGES]) * PAGE_BYTES)
    return total


def _is_pid(path: Path) -> bool:
    return path.name.isdigit()


def _stat(path: Path) -> list[str]:
    try:
        return (
            (path / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return []


@dataclass(slots=True)
class Meter:
    """Usage of named processes over a span of time."""

    pids: Mapping[str, int]
    started: float = 0.0
    before: dict[str, Usage] = field(default_factory=dict)

    @classmethod
    def start(cls, pids: Mapping[str, int]) -> Self:
        """Begin a span now."""
        return cls(pids, time.monotonic(), {name: usage_of(pid) for name, pid in pids.items()})

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def cpu_seconds(self) -> dict[str, float]:
        """Return what each has used since the start."""
        return {
            name: usage_of(pid).cpu_seconds - self.before[name].cpu_seconds
            for name, pid in self.pids.items()
        }


def slope_per_minute(samples: list[tuple[float, float]]) -> float:
    """Return the least-squares slope of (seconds, value) samples, per minute."""
    count = len(samples)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in samples) / count
    mean_y = sum(y for _, y in samples) / count
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    if not spread:
        return 0.0
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread
