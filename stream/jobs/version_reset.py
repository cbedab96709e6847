"""Publishes the reset of one key's version."""

from __future__ import annotations

import time

from schemas.event import Kind, new_event_id
from schemas.headers import identity_headers
from schemas.version_reset import RESET_EVENT
from stream.jobs.operator_log import OperatorLog
from stream.kafka.partitioner import partition_of
from stream.kafka.publisher import Publisher, Record
from stream.settings.kafka import KafkaSettings

PUBLISH_TIMEOUT_SECONDS = 30.0


async def publish_reset(
    settings: KafkaSettings,
    publisher: Publisher,
    operator: OperatorLog,
    *,
    kind: Kind,
    key: str,
    why: str,
) -> str:
    """Publish a reset, on record first; return its event id. Raises PublishError."""
    now_ms = time.time_ns() // 1_000_000
    event_id = new_event_id(now_ms)
    detail = {"kind": kind.value, "key": key, "event_id": event_id}
    await operator.record("version-reset", why=why, detail=detail)
    headers = identity_headers(
        event_id=event_id,
        event=RESET_EVENT,
        kind=kind,
        received_at_ms=now_ms,
        sender="operator",
        signature_key="",
    )
    numbers = tuple(range(settings.kafka_partitions))
    record = Record(
        topic=settings.topics.due,
        key=key.encode(),
        value=b"{}",
        headers=headers,
        partition=partition_of(key.encode(), numbers),
    )
    await publisher.publish(record, timeout_seconds=PUBLISH_TIMEOUT_SECONDS)
    return event_id
