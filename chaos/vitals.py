"""Memory and open files of a run's processes over time, and whether they are flat.

The first part of a process's life fills its caches: it is left out. Then the median of the last
quarter is compared with that of the quarter after the first. Processes that live too short to
judge are judged by nobody, and counted.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median

from sandbox.process import Process

SAMPLE_SECONDS = 2.0
LEAST_SAMPLES = 30  # a start on a busy machine is within the first quarter of them
MOST_MEMORY_GROWTH = 1.2
# What one more thread or buffer takes is no leak, however small the process is.
SPARE_MEGABYTES = 16.0
SPARE_FILES = 16
MEGABYTE = 1024 * 1024
LISTEN, ESTABLISHED = "0A", "01"  # in /proc/net/tcp


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process. Connections that others hold open to it are not among its files."""

    memory_megabytes: float
    files: int


@dataclass(slots=True)
class Vitals:
    """Samples by (process name, pid): a process that is started again is another one."""

    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=dict)

    async def watch(self, running: Callable[[], Iterable[Process]], names: Sequence[str]) -> None:
        """Look at the named processes every few seconds. Never returns."""
        while True:
            for process in running():
                if process.name in names and (sample := look(process.pid)) is not None:
                    self.samples.setdefault((process.name, process.pid), []).append(sample)
            await asyncio.sleep(SAMPLE_SECONDS)

    @property
    def judged(self) -> int:
        """How many processes lived long enough."""
        return sum(len(samples) >= LEAST_SAMPLES for samples in self.samples.values())

    def grown(self) -> list[str]:
        """Return one sentence per process that is not flat."""
        return [
            f"{name} ({pid}): {sentence}"
            for (name, pid), samples in self.samples.items()
            if (sentence := growth(samples))
        ]


def growth(samples: Sequence[Sample]) -> str:
    """Return what grew, "" for a process that is flat, or that lived too short to judge."""
    if len(samples) < LEAST_SAMPLES:
        return ""
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    before, now = (median(item.memory_megabytes for item in part) for part in (early, late))
    if now > before * MOST_MEMORY_GROWTH + SPARE_MEGABYTES:
        return f"memory grew from {before:.0f} to {now:.0f} MB"
    before, now = (median(item.files for item in part) for part in (early, late))
    if now > before + SPARE_FILES:
        return f"open files grew from {before:.0f} to {now:.0f}"
    return ""


def look(pid: int) -> Sample | None:
    """Return how a process is now; None: it is gone, or this system has no /proc."""
    place = Path("/proc") / str(pid)
    try:
        pages = int((place / "statm").read_text().split()[1])
        held = _held_by_clients(place)
        files = sum(name not in held for name in _open_files(place))
    except (OSError, IndexError, ValueError):
        return None
    return Sample(pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE, files)


def _open_files(place: Path) -> list[str]:
    """Return what each open file is; one that is closed meanwhile is none."""
    names = []
    for link in (place / "fd").iterdir():
        with suppress(FileNotFoundError):
            names.append(str(link.readlink()))
    return names


def _held_by_clients(place: Path) -> set[str]:
    """Return the names of the sockets that a client keeps open: how many is the client's affair.

    What the client has closed and the process has not (CLOSE_WAIT) stays a file of the process.
    """
    tables = [place / "net" / name for name in ("tcp", "tcp6")]
    lines = [table.read_text().splitlines()[1:] for table in tables if table.exists()]
    rows = [line.split() for line in chain.from_iterable(lines)]
    sockets = [(row[1].rpartition(":")[2], row[3], f"socket:[{row[9]}]") for row in rows]
    listening = {port for port, state, _ in sockets if state == LISTEN}
    return {name for port, state, name in sockets if state == ESTABLISHED and port in listening}
