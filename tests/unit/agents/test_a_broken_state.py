"""A place of the state's log that nobody can read: its partition waits, as one without a leader."""

from __future__ import annotations

import pytest

from agents.handling import state_store
from agents.handling.state_store import StateStore
from stream.errors import NoLeaderError
from stream.kafka.any_records import UnreadableError


class Consumer:
    def unsubscribe(self) -> None:
        pass


async def test_the_worker_asks_for_it_no_more_and_says_where_it_is(monkeypatch):
    """It was asked again each second, for ever, and every other partition of the worker waited."""

    async def broken(*_given):
        raise UnreadableError("salesforce.state", 3, 9, 12)

    async def nobody(*_given):
        return []

    monkeypatch.setattr(state_store, "read_to_end", broken)
    monkeypatch.setattr(state_store, "leaderless_now", nobody)
    store = StateStore(topic="salesforce.state", connection={})
    store._consumer = Consumer()
    with pytest.raises(
        NoLeaderError, match=r"salesforce\.state/3 at offset 9: .* next is at 12"
    ) as e:
        await store.ensure({3: 1})
    assert e.value.partitions == [("salesforce.state", 3)]
