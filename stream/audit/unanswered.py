"""The events without an outcome that a report lists: the oldest, from all partitions."""

from __future__ import annotations

from collections.abc import Mapping

from stream.audit.outcome_bitmap import OutcomeBitmap
from stream.audit.report import Unanswered
from stream.kafka.log.range_reader import RangeReader, Record, record_envelope

LISTED_EVENTS = 100  # ids in the report; the count is exact
Place = tuple[str, int]  # topic, partition


async def oldest_unanswered(
    reader: RangeReader,
    ledgers: Mapping[Place, OutcomeBitmap],
    boundaries: Mapping[Place, int],
    at_ms: int,
) -> list[Unanswered]:
    """Return them; what is below its partition's boundary is overdue. Raises BrokerError."""
    queues = {
        where: (offset for offset, _ in ledger.unanswered_events())
        for where, ledger in ledgers.items()
    }
    listed: list[Unanswered] = []
    while queues and len(listed) < LISTED_EVENTS:
        heads = {where: next(queue, None) for where, queue in queues.items()}
        queues = {where: queues[where] for where, head in heads.items() if head is not None}
        wanted = {where: head for where, head in heads.items() if head is not None}
        for where, record in (await reader.first_records(wanted)).items():
            if record.offset == wanted[where]:
                listed.append(_line(record, boundaries.get(where, 0), at_ms))
    listed.sort(key=lambda event: -event.age_seconds)
    return listed[:LISTED_EVENTS]


def _line(record: Record, boundary: int, at_ms: int) -> Unanswered:
    envelope = record_envelope(record)
    return Unanswered(
        event_id=envelope.event_id,
        key=envelope.key,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        age_seconds=max(0, at_ms - record.timestamp) / 1000,
        is_overdue=record.offset < boundary,
    )
