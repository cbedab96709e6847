"""Publishes erasures, one per key, and returns when every owner has taken note of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

from schemas.erasure import ERASURE_EVENT, Erasure, marker_key
from schemas.event import Kind
from schemas.headers import headers_of
from stream.config import Settings
from stream.jobs.signing import operator_event
from stream.kafka.log.position import Tail
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.publisher import Publisher, Record
from stream.settings.kafka import KafkaSettings

PUBLISH_TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.5


async def publish_erasures(
    settings: KafkaSettings,
    publisher: Publisher,
    erasures: Iterable[Erasure],
    partitions: Mapping[str, int],
) -> set[bytes]:
    """Publish erasures to the due topic, signed; return the markers to wait for.

    Raises PublishError and JobError.

    `partitions` says where the events of an order are, if any are; else the key tells.
    """
    now_ms = int(time.time() * 1000)
    wanted: set[bytes] = set()
    for erasure in erasures:
        marker = marker_key(erasure.state_key)
        event = operator_event(
            settings,
            ERASURE_EVENT,
            erasure.kind,
            key=marker.decode(),  # a digest: log and outcome name nobody
            value=erasure.to_bytes(),
            at_ms=now_ms,
        )
        record = Record(
            topic=settings.topics.due,
            key=marker,
            value=event.value,
            headers=headers_of(event),
            partition=partitions.get(erasure.key) if erasure.kind is Kind.ORDER else None,
            goes_with=erasure.key.encode(),
        )
        await publisher.publish(record, timeout_seconds=PUBLISH_TIMEOUT_SECONDS)
        wanted.add(marker)
    return wanted


async def noted_before(settings: Settings) -> Tail:
    """Return where the state topic ends, behind earlier erasures. Raises BrokerError.

    Not by time: the workers that answer have other clocks.
    """
    tail = Tail()
    async with RangeReader(settings) as reader:
        tail.note_ends(await reader.spans([settings.topics.state]))
    return tail


async def wait_for_markers(
    settings: Settings, markers: set[bytes], *, tail: Tail, timeout_seconds: float
) -> set[bytes]:
    """Return the markers that no worker has written in time. Raises BrokerError.

    `tail` is where the state topic ended before they were published: `noted_before`.
    """
    missing = set(markers)
    give_up_at = time.monotonic() + timeout_seconds
    async with RangeReader(settings) as reader:
        while missing and time.monotonic() < give_up_at:
            spans = await reader.spans([settings.topics.state])
            async for batch in reader.read(tail.unread(spans)):
                missing -= {record.key for record in batch}
            tail.note_ends(spans)
            if missing:
                await asyncio.sleep(POLL_SECONDS)
    return missing
