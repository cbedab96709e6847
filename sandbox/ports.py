"""Ports for what the sandbox starts: free now, and out of the way of outgoing connections.

The kernel gives every outgoing connection a port of its ephemeral range (32768 up on Linux, 49152
up elsewhere: RFC 6335). A server on such a port cannot be started again there while some client
happens to hold it, and a killed ingress has to come back where its senders look for it.
"""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
PORTS = range(20_000, 32_000)


class NoFreePortError(OSError):
    """Every port of PORTS is in use."""


def free_ports(count: int) -> list[int]:
    """Return different ports on 127.0.0.1 that nobody listens on right now.

    Raises NoFreePortError.
    """
    ports: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise NoFreePortError(f"no free port between {PORTS.start} and {PORTS.stop} on {HOST}")


def free_port() -> int:
    """Return one port of `free_ports`."""
    return free_ports(1)[0]
