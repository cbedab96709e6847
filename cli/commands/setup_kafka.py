"""The Kafka that `orderstream setup` starts: one broker of this machine, to try orderstream with.

It goes on when the command has ended, and finds its data again on the same port after a restart.
"""

from __future__ import annotations

import shlex

from cli.commands.setup_installation import Installation, SetupError
from cli.console.simulators import NoSandboxError, need_sandbox

IN_DOCKER = (
    "or run one in Docker, `docker run -d -p 127.0.0.1:9092:9092 {image}`, and answer `own`, "
    "127.0.0.1:9092"
)


def start_kafka(place: Installation) -> str:
    """Return host:port of a broker that serves. Raises SetupError when there can be none."""
    try:
        need_sandbox("a Kafka that is started here")
    except NoSandboxError as missing:
        raise SetupError(f"{missing}; or answer `own`, and where yours is") from None
    from sandbox.broker import BrokerError
    from sandbox.broker.detached import command, is_listening, start_detached
    from sandbox.broker.image import IMAGE
    from sandbox.ports import HOST, free_port

    address = place.settings().kafka_bootstrap_servers
    if is_listening(address):
        place.tell(f"{address} is there already")
        return address
    host, _, port = address.rpartition(":")
    number = int(port) if host == HOST and port.isdigit() else free_port()
    directory = place.own_directory / "kafka"
    try:
        pid = start_detached(directory, number)
    except BrokerError as error:
        raise SetupError(f"{error}; {IN_DOCKER.format(image=IMAGE)}") from None
    place.tell(f"Kafka runs as process {pid} (`kill {pid}` ends it); one broker, for trying only")
    place.tell(f"to start it again: {shlex.join(command(directory, number))}")
    return f"{HOST}:{number}"
