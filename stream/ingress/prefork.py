"""Several ingress processes on one port: the kernel spreads the connections (SO_REUSEPORT).

The parent binds the port, without listening, and holds it, so that port 0 works and a restarted
child finds its address free. All children write their figures into one folder, and each can show
the sum of all (prometheus-client's multiprocess mode).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

from stream.http.connection_reaper import GRACE_SECONDS
from stream.ingress.server import bind, url_of
from stream.ops.stop_signals import stop_on_signals
from stream.ops.supervisor import Supervisor
from stream.settings.ingress import IngressSettings

# What a child may need beyond its drain: above all to flush its producer.
SPARE_SECONDS = 10.0


async def run_ingress_workers(
    settings: IngressSettings,
    *,
    count: int,
    command_for: Callable[[int], Sequence[str]],
    on_listening: Callable[[str, list[int]], None],
) -> int:
    """Run `count` ingress processes until SIGTERM or SIGINT; returns the exit code.

    `command_for(port)` is the command line of one. `on_listening` gets the URL and the process ids.
    Raises OSError when the address cannot be bound.
    """
    with (
        bind(settings.ingress_host, settings.ingress_port, reuse_port=True) as reservation,
        tempfile.TemporaryDirectory(prefix="orderstream-metrics-") as figures,
    ):
        port = reservation.getsockname()[1]
        supervisor = Supervisor(
            command_for(port),
            count=count,
            environment=os.environ | {"PROMETHEUS_MULTIPROC_DIR": figures},
            stop_seconds=stop_seconds(settings),
            on_ready=lambda pids: on_listening(url_of(reservation), pids),
            on_death=lambda pid: _forget(pid, Path(figures)),
        )
        deadline = stop_seconds(settings) + 2 * SPARE_SECONDS
        stop_on_signals(supervisor.stop, deadline_seconds=deadline)
        return await supervisor.run()


def stop_seconds(settings: IngressSettings) -> float:
    """Return how long a child may take to end: notice and drain, with something to spare."""
    drain_seconds = settings.ingress_request_timeout_seconds + GRACE_SECONDS
    notice_seconds = settings.ingress_drain_notice_seconds
    return notice_seconds + drain_seconds + SPARE_SECONDS


def _forget(pid: int, figures: Path) -> None:
    """Drop the live gauges of a process that ended; its counters stay in the sum."""
    mark_process_dead(pid, str(figures))  # type: ignore[no-untyped-call]  # the library has no types
