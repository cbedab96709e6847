"""A record that something else wrote into a fact topic, and that a person has vouched for."""

from __future__ import annotations

import orjson
import pytest
from support.handler_world import NOW, TOPICS, World

from schemas.event import Kind
from schemas.headers import envelope_of


def foreign(key: bytes | None, topic: str):
    """An order as a producer without our headers wrote it: where its own rule put it."""
    order = {"increment_id": "100", "state": "processing", "grand_total": 1}
    return envelope_of(
        topic=topic,
        partition=3,
        offset=7,
        timestamp_ms=NOW,
        key=key,
        value=orjson.dumps({"order": order | {"updated_at": "2026-03-14 18:00:01"}}),
        headers=[],
    )


@pytest.mark.parametrize(
    ("key", "topic"),
    [
        (None, TOPICS.orders),
        (b"100", TOPICS.orders),
        (b"100", TOPICS.customers),
        (None, TOPICS.customers),
    ],
)
def test_it_goes_on_where_the_worker_of_its_order_sees_it(key, topic):
    """Where it stands nobody knows of its order: it was written over whatever is newer."""
    world = World()
    (decision,) = world.handle(foreign(key, topic))
    assert decision.result.outcome.value == "superseded"
    assert (world.dispatcher.sent, world.states) == ([], {})
    moved = decision.republish
    assert (moved.topic, moved.key, moved.partition) == (TOPICS.orders, b"100", None)
    there = envelope_of(
        topic=moved.topic,
        partition=0,
        offset=8,
        timestamp_ms=NOW,
        key=moved.key,
        value=moved.value,
        headers=moved.headers,
    )
    assert there.kind is Kind.ORDER
    assert world.outcomes(there) == ["synced"]
