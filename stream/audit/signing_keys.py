"""Which keys signed the events that Kafka holds, and when each was last used.

A rotation ends when the old key is used no more; only the topics of facts know that of all stores.
"""

from __future__ import annotations

from dataclasses import dataclass

from stream.config import Settings
from stream.kafka.log.range_reader import RangeReader, record_envelope


@dataclass(slots=True)
class KeyUse:
    """One key of one sender. Times are unix milliseconds."""

    sender: str
    key: str
    events: int
    first_ms: int
    last_ms: int


async def keys_used(settings: Settings, *, since_ms: int | None = None) -> list[KeyUse]:
    """Return the keys by sender, the one that was used last first. Raises BrokerError."""
    used: dict[tuple[str, str], KeyUse] = {}
    async with RangeReader(settings) as reader:
        async for batch in reader.read(
            await reader.spans(list(settings.topics.facts), since_ms=since_ms)
        ):
            for record in batch:
                envelope = record_envelope(record)
                if not envelope.signature_key:
                    continue  # a backfill: nobody signed it
                at_ms = envelope.received_at_ms or record.timestamp
                name = envelope.sender, envelope.signature_key
                use = used.setdefault(name, KeyUse(*name, 0, at_ms, at_ms))
                use.events += 1
                use.first_ms, use.last_ms = min(use.first_ms, at_ms), max(use.last_ms, at_ms)
    return sorted(used.values(), key=lambda use: (use.sender, -use.last_ms))
