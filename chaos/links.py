"""What brokers say to each other, led through proxies of ours: a network that can be cut.

Each broker is told to its peers at the port of a proxy in front of it. A cut link refuses new
connections and breaks those there are; `hush` keeps them open and carries nothing, which is how
most networks fail. Clients reach every broker directly all the time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

from sandbox.ports import HOST, free_port

CHUNK_BYTES = 65_536


class Links:
    """Proxies by broker id. Entered on the event loop; `add` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[asyncio.Server] = []
        self._pipes: dict[int, set[asyncio.Task[None]]] = {}
        self._open: dict[int, asyncio.Event] = {}
        self._cut: set[int] = set()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(self, *_error: object) -> None:
        for server in self._servers:
            server.close()
        for broker in self._pipes:
            await self._break(broker)

    def add(self, broker: int, port: int) -> int:
        """Return the port of a new proxy in front of a broker's port."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(self._add(broker, port), self._loop).result()

    async def cut(self, broker: int) -> None:
        """Let nobody reach a broker any more: connections are reset and refused."""
        self._cut.add(broker)
        await self._break(broker)

    def hush(self, broker: int) -> None:
        """Let nothing through to a broker, or back; connections stay."""
        self._open[broker].clear()

    def heal(self) -> None:
        """End every cut and every silence."""
        self._cut.clear()
        for is_open in self._open.values():
            is_open.set()

    async def _add(self, broker: int, port: int) -> int:
        self._pipes.setdefault(broker, set())
        self._open.setdefault(broker, asyncio.Event()).set()

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._pipes[broker].add(task)
            try:
                if broker not in self._cut:
                    with suppress(asyncio.CancelledError):  # cut: it ends with what it carries
                        await self._carry(broker, port, reader, writer)
            finally:
                self._pipes[broker].discard(task)
                writer.close()

        server = await asyncio.start_server(carry, HOST, free_port())
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _carry(
        self, broker: int, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            there, back = await asyncio.open_connection(HOST, port)
            ways = (
                asyncio.create_task(self._pump(broker, reader, back)),
                asyncio.create_task(self._pump(broker, there, writer)),
            )
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                back.close()

    async def _pump(
        self, broker: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await self._open[broker].wait()
            writer.write(data)
            await writer.drain()

    async def _break(self, broker: int) -> None:
        tasks = list(self._pipes[broker])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
