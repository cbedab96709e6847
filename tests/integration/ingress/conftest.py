"""The ingress runs on uvloop, whose transports buffer and close in their own way: so do its tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import uvloop
from support.ingress_front import Front, running


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], uvloop.Loop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    async with running() as front:
        yield front
