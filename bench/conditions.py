"""Under which conditions figures came about: machine, load, versions. No figure without them."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ADDITIONS = 2_000_000
PACKAGES = ("faust-streaming", "aiokafka", "aiohttp", "uvloop", "orjson", "simple-salesforce")


def conditions() -> dict[str, Any]:
    """Return what this machine is."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def moment() -> dict[str, str]:
    """Return when this is, and of which code."""
    return {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "commit": _commit()}


def around(load: float, speed: float) -> dict[str, Any]:
    """Return when and of which code this is, with load and core speed before and now."""
    return moment() | {
        "load average before": load,
        "after": load_average(),
        "a core's additions before": f"{speed} M/s",
        "afterwards": f"{core_speed()} M/s",
    }


def load_average() -> float:
    """Return the load average of the last minute: processes that wanted a core."""
    return round(os.getloadavg()[0], 1)


def core_speed() -> float:
    """Return how many millions of additions this Python makes in a second, on a core as it is now.

    A virtual machine's core is not always the same: figures of two days compare by it only.
    """
    began, total = time.perf_counter(), 0
    for number in range(ADDITIONS):
        total += number
    return round(ADDITIONS / 1e6 / (time.perf_counter() - began), 1)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    root = Path(__file__).parent
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)  # noqa: S603 - the command is ours
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
