"""What a worker holds per order it has written: the figure that sizes its memory."""

from __future__ import annotations

import tracemalloc

from agents.handling.state_store import StateStore
from schemas.event import Origin
from schemas.state import State

ORDERS = 5_000
# docs/operations.md counts with 450 bytes; an orjson buffer that is kept would be 4,000.
MOST_BYTES_PER_ORDER = 600


def state_of(number: int) -> State:
    return State(
        version="2026-11-25T12:00:00.000000Z",
        digest="3f9c1be27a60d84e95b1c7d2408f6ae3",
        topic="magento.orders",
        partition=0,
        offset=number,
        rank=3,
        ids={"Opportunity": f"006{number:015d}"},
        entity_id=str(number),
        first_seen_ms=1_800_000_000_000,
    )


def test_a_written_order_takes_no_more_memory_than_its_state_has_bytes() -> None:
    store = StateStore(topic="salesforce.state", connection={})
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        store.put(0, ((n, b"order:%09d" % n, state_of(n).to_bytes()) for n in range(ORDERS)))
        after, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert store.get(0, b"order:%09d" % 7) == state_of(7)
    assert (after - before) / ORDERS < MOST_BYTES_PER_ORDER


def test_what_was_received_before_a_partition_was_taken_may_have_been_another_worker_s() -> None:
    store = StateStore(topic="salesforce.state", connection={})
    assert store.is_inherited(Origin("magento.orders", 3, 1, 0)), "nobody knows"
    store.put(0, [])
    store._partitions[0].taken_ms = taken = 1_800_000_000_000
    assert store.is_inherited(Origin("magento.orders", 0, 1, taken + 1_000)), "of another clock"
    assert not store.is_inherited(Origin("magento.orders", 0, 1, taken + 120_000))
