"""The demo's Kafka: a given one, one in a container, or the sandbox's own: one broker or three."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.broker import Source, choose_source
from sandbox.broker.container import kafka_container
from sandbox.broker.jars import jars_directory
from sandbox.broker.tools import find_tools
from sandbox.processes import Processes, logs, module

BROKER = "broker"
# The first start ever downloads Kafka.
READY_TIMEOUT_SECONDS = 300.0
ADDRESS = r"^(127\.0\.0\.1:\d+(?:,127\.0\.0\.1:\d+)*)$"


@asynccontextmanager
async def demo_broker(
    processes: Processes, *, brokers: int = 1
) -> AsyncIterator[tuple[str, Source]]:
    """Yield bootstrap servers of a broker that serves; ours ends with the block or `processes`.

    Several brokers there are in the sandbox only. Raises BrokerError when this machine cannot have
    one, ProcessError when it does not start.
    """
    tools = await asyncio.to_thread(find_tools, jars=jars_directory())
    source = choose_source(tools) if brokers == 1 else Source.SANDBOX
    match source:
        case Source.GIVEN:
            yield tools.bootstrap_servers, source
        case Source.SANDBOX:
            process = await processes.start(
                BROKER,
                *module("sandbox.broker", "--brokers", str(brokers)),
                ready=logs(ADDRESS),
                ready_timeout_seconds=READY_TIMEOUT_SECONDS,
            )
            address = re.search(ADDRESS, process.output, re.MULTILINE)
            assert address is not None
            yield address[1], source
        case Source.DOCKER:
            container = kafka_container()
            starting = asyncio.create_task(asyncio.to_thread(container.__enter__))
            try:
                yield await asyncio.shield(starting), source
            finally:
                # Interrupted while it starts: it can only be removed when it is there.
                await asyncio.wait({starting})
                await asyncio.to_thread(container.__exit__, None, None, None)
