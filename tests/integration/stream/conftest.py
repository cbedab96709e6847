"""What the tests of the topic readers share: settings, and a writer that plays the pipe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from support.topic_writer import TopicWriter

from stream.config import Settings
from stream.topics import Topics


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings()


@pytest.fixture
async def writer(settings: Settings, topics: Topics) -> AsyncIterator[TopicWriter]:
    async with TopicWriter(settings) as writer:
        yield writer
