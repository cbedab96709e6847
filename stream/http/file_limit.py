"""Open files: the system's soft limit is raised at the start, and bounds what a server accepts.

The usual soft limit is 1,024 (systemd, containers): a server that allows 2,000 connections would
then fail to accept, silently, long before it makes room. So the limit is raised as far as needed,
and where the hard limit is lower, fewer connections are allowed, which the log says.
"""

from __future__ import annotations

import resource

import structlog

log = structlog.get_logger()

# Brokers, log files, sockets of our own: open beside the connections of senders.
RESERVED_FILES = 200
MIN_CONNECTIONS = 16


def room_for(wanted: int, *, server: str) -> int:
    """Raise the limit of open files, and return how many connections fit; at most `wanted`."""
    allowed = allowed_connections(wanted, _raised(wanted + RESERVED_FILES))
    if allowed < wanted:
        log.warning("connections_bounded_by_open_files", server=server, wanted=wanted, now=allowed)
    return allowed


def allowed_connections(wanted: int, open_files: int) -> int:
    """Return how many connections a limit of open files leaves room for."""
    return min(wanted, max(MIN_CONNECTIONS, open_files - RESERVED_FILES))


def _raised(needed: int) -> int:
    """Raise the soft limit to what is needed, if the hard one allows; return what it is then."""
    soft, hard = (_finite(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    target = min(needed, hard)
    if soft >= target:
        return soft
    try:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (target, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
    except (OSError, ValueError):
        return soft  # forbidden here: what there is has to do
    return target


def _finite(limit: int) -> int:
    return 2**31 if limit == resource.RLIM_INFINITY else limit
