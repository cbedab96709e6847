"""The advisory database is asked over real HTTP; that it could not be is told apart from all well."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from sandbox.ports import free_port

ROOT = Path(__file__).parents[2]
LOCK = "requirements-otel.lock"
Answer = Callable[[list[Any]], Any]


def silent(queries: list[Any]) -> Any:
    return {"results": [{} for _ in queries]}


def against_aiohttp(queries: list[Any]) -> Any:
    named = ["/aiohttp@" in query["package"]["purl"] for query in queries]
    vulns = [{"id": "GHSA-xxxx", "modified": "2026-01-01T00:00:00Z"}]
    return {"results": [{"vulns": vulns} if hit else {} for hit in named]}


@asynccontextmanager
async def database(answer: Answer, status: int = 200) -> AsyncIterator[tuple[str, list[Any]]]:
    asked: list[Any] = []

    async def page(request: web.Request) -> web.Response:
        queries = (await request.json())["queries"]
        asked.extend(queries)
        return web.json_response(answer(queries), status=status)

    app = web.Application()
    app.router.add_post("/v1/querybatch", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def run(url: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "deploy/advisories.py",
        "--database",
        url,
        LOCK,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_every_package_of_the_lock_is_asked_about() -> None:
    pinned = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / LOCK).read_text(), re.MULTILINE)
    async with database(silent) as (url, asked):
        code, said = await run(url)
    assert (code, said) == (0, f"nothing is known against {len(pinned)} packages\n")
    assert {query["package"]["purl"] for query in asked} == {
        f"pkg:pypi/{name.lower().replace('_', '-')}@{version}" for name, version in pinned
    }


async def test_what_is_known_is_named_and_fails() -> None:
    async with database(against_aiohttp) as (url, _):
        code, said = await run(url)
    assert code == 1
    assert re.fullmatch(r"aiohttp \S+: GHSA-xxxx\n", said)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (silent, 503),
        (lambda _queries: {"results": []}, 200),
        (lambda _queries: [], 200),
        (lambda _queries: {"results": [{"vulns": [{}]}] * 2}, 200),
    ],
)
async def test_an_answer_that_says_nothing_is_not_all_well(answer, status) -> None:
    async with database(answer, status) as (url, _):
        code, said = await run(url)
    assert code == 3
    assert said.startswith("not asked: ")


async def test_a_database_that_cannot_be_reached_is_said() -> None:
    code, said = await run(f"http://127.0.0.1:{free_port()}")
    assert code == 3
    assert "refused" in said


def test_the_workflow_asks_and_every_extra_has_its_lock() -> None:
    workflow = yaml.load((ROOT / ".github/workflows/test.yml").read_text(), Loader=yaml.CSafeLoader)
    steps = [step.get("run", "") for step in workflow["jobs"]["advisories"]["steps"]]
    assert any("make advisories" in step for step in steps)
    text = (ROOT / "pyproject.toml").read_text()
    extras = text[text.index("[project.optional-dependencies]") : text.index("[project.scripts]")]
    for extra in re.findall(r"^(\w+) = \[", extras, re.MULTILINE):
        assert (ROOT / f"requirements-{extra}.lock").is_file()
