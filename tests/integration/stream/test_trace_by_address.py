"""What a person knows, an address or a number, is found whatever stands before it in the key."""

from __future__ import annotations

import pytest
from support.topic_writer import TopicWriter

from schemas.event import Kind
from stream.audit.trace import run_trace
from stream.jobs.replay import ReplayFilter, ReplayRange, plan_replay
from stream.kafka.log.range_reader import RangeReader

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


async def test_an_order_of_a_store_is_found_by_its_number(make_settings, topics):
    """`trace`, `replay --order` knew only `2:417`, which no shop and no customer ever says."""
    settings = make_settings(magento_order_key="store", magento_instance="FR")
    async with TopicWriter(settings) as writer:
        await writer.accept("fr:2:1417")
        event = await writer.accept("fr:2:417")
        await writer.remember(event)
        dead = await writer.accept("fr:3:418")
        await writer.bury(dead)
        twin = await writer.accept("fr:1:418")
        await writer.remember(twin)
    life = await run_trace(settings, "417")
    assert (life.key, [row.event_id for row in life.rows]) == ("fr:2:417", [event.event_id])
    life = await run_trace(settings, "418")
    assert {life.key, *life.others} == {"fr:1:418", "fr:3:418"}
    assert (await run_trace(settings, "3:418")).key == "fr:3:418"
    typed = settings.identity.key_of_target("417")
    wanted = ReplayFilter(order=typed, is_latest_only=False)
    async with RangeReader(settings) as reader:
        span = ReplayRange(settings.topics.orders, None, None, wanted)
        assert (await plan_replay(settings, reader, span)).events == 1
