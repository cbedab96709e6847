"""A customer is traced by the address that a person knows, whatever stands before it in the key."""

from __future__ import annotations

import pytest
from support.topic_writer import TopicWriter

from schemas.event import Kind
from stream.audit.trace import run_trace

pytestmark = pytest.mark.kafka

EMAIL = "jane@example.com"


@pytest.mark.parametrize("target", [EMAIL, f"2:{EMAIL}", f" {EMAIL.upper()} "])
async def test_a_customer_of_a_website_is_found_by_the_address(make_settings, topics, target):
    settings = make_settings(magento_customer_key="website", magento_store_websites="1=1,5=2")
    async with TopicWriter(settings) as writer:
        await writer.accept("1:bob@example.com", kind=Kind.CUSTOMER)
        event = await writer.accept(f"2:{EMAIL}", kind=Kind.CUSTOMER)
        await writer.remember(event)
    life = await run_trace(settings, target)
    assert (life.key, [row.event_id for row in life.rows]) == (f"2:{EMAIL}", [event.event_id])
