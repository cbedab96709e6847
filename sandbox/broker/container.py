"""Kafka in a container, when a Docker engine answers: compose's image and settings."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from sandbox.broker.image import IMAGE
from sandbox.broker.properties import server_properties
from sandbox.broker.tools import has_image
from sandbox.ports import free_port

PORT = 19092
START_SECONDS = 120


@contextlib.contextmanager
def kafka_container() -> Iterator[str]:
    """Run apache/kafka and yield its bootstrap servers as this process reaches them."""
    # A development dependency: only who has an engine needs it.
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415 - loaded only where it is used: the extra or a slow import
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - loaded only where it is used: the extra or a slow import
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415 - loaded only where it is used: the extra or a slow import

    # Its helper removes containers that outlive us: worth having, not worth failing for.
    helper = testcontainers_config.ryuk_image
    testcontainers_config.ryuk_disabled |= not has_image(shutil.which("docker") or "", helper)
    host_port = free_port()
    container = DockerContainer(IMAGE).with_bind_ports(PORT, host_port)
    bootstrap = f"{container.get_docker_client().host()}:{host_port}"
    for name, value in container_environment(bootstrap).items():
        container.with_env(name, value)
    ready = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(START_SECONDS)
    with container.waiting_for(ready):
        yield bootstrap


def container_environment(bootstrap_servers: str) -> dict[str, str]:
    """Return the sandbox broker's properties in the image's spelling: `KAFKA_NODE_ID` and so on."""
    properties = server_properties(
        port=PORT,
        controller_port=PORT + 1,
        data_directory=Path("/var/lib/kafka/data"),
        extra={
            "listeners": f"CLIENT://0.0.0.0:{PORT},CONTROLLER://127.0.0.1:{PORT + 1}",
            "advertised.listeners": f"CLIENT://{bootstrap_servers}",
        },
    )
    return {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in properties.items()}
