"""`python -m sandbox.magento` as one runs it against an ingress of one's own."""

from __future__ import annotations

from pathlib import Path

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.magento.sender import SIGNATURE_HEADER, sign
from sandbox.processes import Processes, module
from schemas.codec import decode

SECRET = "a-secret-for-tests-only"


async def run(directory: Path, status: int, *more: str) -> tuple[int, str, set[str]]:
    keys: set[str] = set()

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        assert request.headers[SIGNATURE_HEADER] == sign(body, SECRET)
        keys.add(decode(body).key)
        return web.Response(body=orjson.dumps({"event_id": "e"}), status=status)

    app = web.Application()
    app.router.add_post("/magento/webhook", receive)
    async with TestServer(app) as server, Processes(directory) as processes:
        command = module("sandbox.magento", "--url", str(server.make_url("/magento/webhook")))
        env = {"MAGENTO_WEBHOOK_SECRET": SECRET}
        process = processes.spawn("store", *command, "--orders", "5", *more, env=env)
        code = await process.wait(timeout_seconds=60)
        return code, process.output, keys


async def test_a_store_sends_its_orders_and_says_how_it_went(tmp_path: Path) -> None:
    code, output, keys = await run(tmp_path, 200, "--rate", "500")
    assert code == 0, output
    assert "of 5 orders" in output
    assert ", 0 not" in output
    assert len([key for key in keys if "@" not in key]) == 5


async def test_a_store_that_is_refused_says_so_and_exits_1(tmp_path: Path) -> None:
    code, output, _ = await run(tmp_path, 401)
    assert code == 1
    assert "last refusal: 401" in output


async def test_the_help_names_every_option(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        process = processes.spawn("help", *module("sandbox.magento", "--help"))
        assert await process.wait(timeout_seconds=60) == 0
        for option in ("--url", "--secret", "--orders", "--rate", "--duplicates", "--late"):
            assert option in process.output
