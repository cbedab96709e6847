"""Every server of ours as the target of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop
from support.attack_targets import SERVERS, Target, open_target


@pytest.fixture
def short_deadlines(monkeypatch: Any) -> None:
    """A request has a second."""
    monkeypatch.setattr("stream.http.app_server.REQUEST_SECONDS", 1.0)
    monkeypatch.setattr("stream.http.route_limits.REQUEST_SECONDS", 1.0)


@pytest.fixture(params=SERVERS)
async def target(request: Any, short_deadlines: None) -> AsyncIterator[Target]:
    async with open_target(request.param) as opened:
        yield opened


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], uvloop.Loop]]:
    """Return the loop that the servers run on."""
    return {"uvloop": uvloop.new_event_loop}
