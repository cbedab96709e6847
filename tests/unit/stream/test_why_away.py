"""Why Kafka lets nobody in is kept for who asks, not for as long as Kafka is away."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from stream.kafka import why_away


async def test_a_client_that_lost_kafka_keeps_no_reason_of_each_failure(monkeypatch) -> None:
    """aiokafka begins its metadata task within `bootstrap`, and that fails ten times a second."""
    begun: list[asyncio.Task[int]] = []

    async def fails_for_hours() -> int:
        for _ in range(10_000):
            why_away.note_failure("kafka:9092", OSError(111, "Connect call failed"))
        return len(why_away._reasons.get() or ())

    async def bootstrap(_client: object) -> None:
        begun.append(asyncio.ensure_future(fails_for_hours()))

    monkeypatch.setattr(why_away, "_bootstrap", bootstrap)
    await why_away._told(object())
    assert await begun[0] <= why_away.MOST_REASONS


async def test_each_address_is_named_once(monkeypatch) -> None:
    async def bootstrap(_client: object) -> None:
        for address in ("a:1", "a:1", "b:2"):
            why_away.note_failure(address, TimeoutError())
        raise KafkaConnectionError("Unable to bootstrap")

    monkeypatch.setattr(why_away, "_bootstrap", bootstrap)
    with pytest.raises(KafkaConnectionError, match="a:1 does not answer in time; b:2 does not"):
        await why_away._told(object())
