"""The rig of worker stories, as a fixture: `make_rig(**env)` on this test's topics."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from support.salesforce_fixtures import org_keys, salesforce_process
from support.worker_rig import WorkerRig

from stream.config import Settings
from stream.topics import Topics

__all__ = ["org_keys", "salesforce_process"]


@pytest.fixture
def make_settings(make_settings: Callable[..., Settings]) -> Callable[..., Settings]:
    """Settings by which what waits, waits for seconds."""
    return functools.partial(make_settings, retry_delays="2s,5s,20s,1m")


@pytest.fixture
async def make_rig(
    topics: Topics,
    make_settings: Callable[..., Settings],
    salesforce_process: Any,
    tmp_path: Any,
) -> AsyncIterator[Callable[..., Any]]:
    """Return a function that starts a rig; `env` are settings of its processes."""
    async with AsyncExitStack() as stack:

        async def make(**env: str) -> WorkerRig:
            rig = WorkerRig(make_settings(), salesforce_process, tmp_path / "run", env)
            return await stack.enter_async_context(rig)

        yield make
