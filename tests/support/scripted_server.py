"""An HTTP server that answers exactly what a test tells it to, byte by byte if need be."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import orjson


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """Chunks to write, a pause before each, and whether the connection then ends."""

    chunks: Iterable[bytes]
    pause_seconds: float = 0.0
    is_cut: bool = False


def reply(status: int, body: object = b"", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Reply(["\r\n".join([*lines, "", ""]).encode() + content])


CUT = Reply([], is_cut=True)


@dataclass
class ScriptedServer:
    """`replies` are given in order; without one the connection is held until the end.

    `answer` goes first, where the reply depends on the request. A body is read in portions of
    `portion_bytes`, with a pause before each.
    """

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Reply | None] | None = None
    portion_bytes: int = 2**62
    pause_seconds: float = 0.0

    @classmethod
    @asynccontextmanager
    async def serve(cls) -> AsyncIterator[ScriptedServer]:
        script = cls()
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            tasks.add(task)
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await script._serve_one(reader, writer):
                    pass
            writer.close()
            tasks.discard(task)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield script
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body, size = bytearray(), int(headers.get("content-length", 0))
        while left := size - len(body):
            await asyncio.sleep(self.pause_seconds)
            body += await reader.readexactly(min(left, self.portion_bytes))
        self.requests.append(Request(method, path, headers, bytes(body)))
        answer = self.answer(self.requests[-1]) if self.answer else None
        if answer is None and not self.replies:
            await asyncio.Event().wait()
        answer = answer or self.replies.popleft()
        for chunk in answer.chunks:
            await asyncio.sleep(answer.pause_seconds)
            writer.write(chunk)
            await writer.drain()
        return not answer.is_cut
