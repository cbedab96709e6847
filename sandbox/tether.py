"""Run a command that dies with the process that started it: `python tether.py PARENT_PID COMMAND…`.

A parent that is killed with -9 cleans nothing up. The kernel does it instead (prctl(2),
PR_SET_PDEATHSIG; the setting survives exec). It is a launcher and not a `preexec_fn`, because code
between fork and exec can deadlock in a process that has threads. Away from Linux it only runs the
command.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
USAGE_EXIT_CODE = 2
MIN_ARGUMENTS = 3


def tether(parent_pid: int) -> None:
    """Make this process die with its parent; exit now if the parent is gone already."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit(f"tether: parent {parent_pid} is gone")


def main(argv: list[str]) -> None:
    if len(argv) < MIN_ARGUMENTS or not argv[1].isdigit():
        print("usage: tether.py PARENT_PID COMMAND [ARGUMENT…]", file=sys.stderr)  # noqa: T201 - a process of its own: stderr is its log
        sys.exit(USAGE_EXIT_CODE)
    tether(int(argv[1]))
    os.execvp(argv[2], argv[2:])  # noqa: S606 - running the given command is its purpose


if __name__ == "__main__":
    main(sys.argv)
