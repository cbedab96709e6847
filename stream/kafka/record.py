"""A record to publish, and where it is once it was acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiokafka.errors import KafkaError

from schemas.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One record to publish. `partition` None lets the key decide (murmur2, as Java does).

    `goes_with`: another key, whose events it has to meet in their partition.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None
    goes_with: bytes | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """Where an acknowledged record is. `timestamp_ms` is the broker's or the producer's time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


def ack_of(metadata: Any) -> Ack:
    """Return aiokafka's answer as an ack. Raises KafkaError when it names no offset."""
    if metadata.offset is None or metadata.offset < 0:
        raise KafkaError("Kafka named no offset for the record")
    return Ack(metadata.topic, metadata.partition, metadata.offset, metadata.timestamp)
