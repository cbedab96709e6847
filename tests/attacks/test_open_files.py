"""A limit of open files below the one of connections: fewer are taken, and nobody is shut out."""

from __future__ import annotations

import asyncio
import sys

from support.http_wire import connect, exchange, head

from stream.http.file_limit import RESERVED_FILES, allowed_connections

HARD_LIMIT = RESERVED_FILES + 60
SERVER = """
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (%d, %d))
from aiohttp import web
from stream.http.app_server import app_server

async def main():
    async def page(_request):
        return web.Response(text="ok")
    app = web.Application()
    app.router.add_get("/livez", page)
    async with app_server(app, "127.0.0.1", 0, name="crowded", max_connections=2_000) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def test_connections_fit_into_what_the_system_allows() -> None:
    assert allowed_connections(2_000, 524_288) == 2_000
    assert allowed_connections(2_000, 1_024) == 1_024 - RESERVED_FILES
    assert allowed_connections(2_000, 64) > 0


async def test_idle_connections_beyond_the_systems_limit_shut_nobody_out() -> None:
    code = SERVER % (HARD_LIMIT, HARD_LIMIT)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    lines = [await process.stdout.readline(), await process.stdout.readline()]
    said = b"".join(lines).decode()
    url = next(line for line in said.splitlines() if line.startswith("http://"))
    idle = await asyncio.gather(*(connect(url) for _ in range(HARD_LIMIT + 40)))
    try:
        for _round in range(3):
            answer = await exchange(url, head("GET", "/livez"))
            assert answer.status == 200
        assert "connections_bounded_by_open_files" in said
    finally:
        for _reader, writer in idle:
            writer.close()
        process.stdin.close()
        await process.wait()
