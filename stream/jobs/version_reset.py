"""Publishes the reset of one key's version."""

from __future__ import annotations

import time

from schemas.event import Kind
from schemas.headers import headers_of
from schemas.version_reset import RESET_EVENT
from stream.jobs.operator_log import OperatorLog
from stream.jobs.signing import operator_event
from stream.kafka.publisher import Record
from stream.settings.kafka import KafkaSettings

PUBLISH_TIMEOUT_SECONDS = 30.0


async def publish_reset(
    settings: KafkaSettings,
    operator: OperatorLog,
    *,
    kind: Kind,
    key: str,
    why: str,
) -> str:
    """Publish a reset, on record first; return its event id. Raises PublishError, JobError."""
    now_ms = time.time_ns() // 1_000_000
    event = operator_event(settings, RESET_EVENT, kind, key=key, value=b"{}", at_ms=now_ms)
    detail = {"kind": kind.value, "key": key, "event_id": event.event_id}
    await operator.record("version-reset", why=why, detail=detail)
    record = Record(
        topic=settings.topics.due,
        key=key.encode(),
        value=event.value,
        headers=headers_of(event),
    )
    await operator.publisher.publish(record, timeout_seconds=PUBLISH_TIMEOUT_SECONDS)
    return event.event_id
