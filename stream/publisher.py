"""Publishing: one idempotent producer per process, and an ack before anything counts.

Two callers, two needs. The ingress must answer its sender: `publish` gives up after a deadline.
The agents and the relay must not lose what they hold: `publish_until_acked` never gives up, logs
once a minute and raises an alert, and stops only when its process stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """One record to publish. `partition` None lets the key decide (murmur2, as Java does)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """Where an acknowledged record is. `timestamp_ms` is the broker's or the producer's time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


class Publisher(Protocol):
    """What everything that publishes needs.

    The fake in tests and `KafkaPublisher` both pass tests/contract/test_publisher.py.
    """

    async def publish(self, record: Record, *, timeout_seconds: float) -> Ack:
        """Return after the broker's ack (acks=all). Raises PublishError."""
        ...
