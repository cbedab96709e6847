"""What reconcile reads of our own topics."""

from __future__ import annotations

import pytest
from support.topic_writer import TopicWriter, now_ms

from agents.reconcile.topic_outcomes import accepted
from schemas.event import Kind
from schemas.sender_clock import utc_text
from stream.kafka.log.range_reader import RangeReader

pytestmark = pytest.mark.kafka


async def test_an_event_is_as_new_as_workers_take_it_for(make_settings, topics):
    """By the default tolerance the webhook of a store ten minutes ahead was older than its save."""
    settings = make_settings(magento_clock_tolerance_seconds=900.0)
    ahead = utc_text(now_ms() + 600_000)
    async with TopicWriter(settings) as writer:
        await writer.accept("1", {"updated_at": ahead})
    subject = (Kind.ORDER, "1")
    async with RangeReader(settings) as reader:
        found = await accepted(settings, reader, {subject}, since_ms=now_ms() - 60_000)
    assert found[subject].version == ahead
