"""A dashboard on this test's topics, and who looks at it."""

from __future__ import annotations

import pytest
from support.dashboard_site import READER, dashboard_settings, open_site
from support.topic_writer import TopicWriter


@pytest.fixture
def settings(make_settings):
    return dashboard_settings(make_settings)


@pytest.fixture
async def writer(settings, topics):
    async with TopicWriter(settings) as writer:
        yield writer


@pytest.fixture
async def visit(settings, topics):
    """Make a visitor who is not logged in."""
    async with open_site(settings) as visit:
        yield visit


@pytest.fixture
async def ann(visit):
    """An operator."""
    return await visit().log_in()


@pytest.fixture
async def rob(visit):
    """A reader."""
    return await visit().log_in(READER, "Rob")
