"""Writes into topics what ingress, workers and relay would: events, outcomes, copies, states."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Self

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from schemas.event import Envelope, ErrorInfo, Kind, Origin, Via, new_event_id
from schemas.headers import headers_of
from schemas.result import Outcome, result_of
from schemas.state import State, state_key
from stream.config import Settings
from stream.errors import PublishError
from stream.kafka.publisher import Ack, Record


def now_ms() -> int:
    return int(time.time() * 1000)


class TopicWriter:
    """A Publisher on the real broker, with the sentences tests need."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topics = settings.topics
        self.published: list[Ack] = []
        self._producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            enable_idempotence=True,
            max_batch_size=1024 * 1024,
            max_request_size=8 * 1024 * 1024,
        )

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def publish(
        self, record: Record, *, timeout_seconds: float = 10, timestamp_ms: int | None = None
    ) -> Ack:
        future = await self._producer.send(
            record.topic,
            key=record.key,
            value=record.value,
            headers=list(record.headers),
            partition=record.partition,
            timestamp_ms=timestamp_ms,
        )
        done = await asyncio.wait_for(future, timeout_seconds)
        ack = Ack(done.topic, done.partition, done.offset, done.timestamp)
        self.published.append(ack)
        return ack

    async def publish_each(self, records: Sequence[Record]) -> list[Ack | PublishError]:
        return list(await asyncio.gather(*(self.publish(record) for record in records)))

    async def accept(
        self,
        key: str,
        entity: dict[str, Any] | None = None,
        *,
        kind: Kind = Kind.ORDER,
        at_ms: int | None = None,
        value: bytes | None = None,
        sender: str = "hmac",
        signature_key: str = "1",
    ) -> Envelope:
        """What the ingress does: one event in its fact topic."""
        at = now_ms() if at_ms is None else at_ms
        name = "increment_id" if kind is Kind.ORDER else "email"
        body = {"event": f"{kind.value}_saved", kind.value: {name: key, **(entity or {})}}
        envelope = Envelope(
            event_id=new_event_id(at),
            event=f"{kind.value}_saved",
            kind=kind,
            key=key,
            received_at_ms=at,
            value=orjson.dumps(body) if value is None else value,
            sender=sender,
            signature_key=signature_key,
        )
        ack = await self.publish(
            Record(
                topic=self.topics.source_of(kind),
                key=key.encode(),
                value=envelope.value,
                headers=headers_of(envelope),
            ),
            timestamp_ms=at,
        )
        return replace(envelope, origin=Origin(ack.topic, ack.partition, ack.offset, at))

    async def accept_many(self, keys: Iterable[str], **more: Any) -> list[Envelope]:
        return list(await asyncio.gather(*(self.accept(key, **more) for key in keys)))

    async def conclude(
        self, envelope: Envelope, outcome: Outcome, *, at_ms: int | None = None, **more: Any
    ) -> Ack:
        """What a worker does: one record in the results, in the event's own partition."""
        at = now_ms() if at_ms is None else at_ms
        result = result_of(envelope, outcome, at_ms=at, **more)
        assert envelope.origin
        return await self.publish(
            Record(
                topic=self.topics.results,
                key=envelope.key.encode(),
                value=result.to_bytes(),
                partition=envelope.origin.partition,
            ),
            timestamp_ms=at,
        )

    async def copy(self, envelope: Envelope, topic: str, *, at_ms: int | None = None) -> Ack:
        """A copy in a retry tier, in `due` or among the dead letters, as the worker writes it."""
        assert envelope.origin
        return await self.publish(
            Record(
                topic=topic,
                key=envelope.key.encode(),
                value=envelope.value,
                headers=headers_of(envelope),
                partition=envelope.origin.partition,
            ),
            timestamp_ms=at_ms,
        )

    async def bury(
        self,
        envelope: Envelope,
        *,
        code: str = "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        fields: tuple[str, ...] = ("StageName",),
        message: str = "bad value for restricted picklist field",
        at_ms: int | None = None,
    ) -> Ack:
        """A dead letter and its outcome."""
        at = now_ms() if at_ms is None else at_ms
        error = ErrorInfo("permanent", code, message, fields)
        dead = replace(
            envelope, attempt=1, error=error, first_failed_at_ms=at, mapping_version="m1"
        )
        await self.conclude(
            dead,
            Outcome.DEAD,
            at_ms=at,
            error_kind=error.kind,
            error_code=code,
            error_message=message,
            error_fields=list(fields),
        )
        return await self.copy(dead, self.topics.dead_letters, at_ms=at)

    async def remember(
        self,
        envelope: Envelope,
        *,
        entity_id: str = "",
        ids: dict[str, str] | None = None,
        first_seen_ms: int | None = None,
    ) -> Ack:
        """The order's state, as the worker writes it after Salesforce answered."""
        origin = envelope.origin
        assert origin
        state = State(
            version="2026-11-25 10:00:00",
            digest="d",
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
            ids=ids or {},
            entity_id=entity_id,
            first_seen_ms=first_seen_ms or now_ms(),
        )
        return await self.publish(
            Record(
                topic=self.topics.state,
                key=state_key(envelope.kind, envelope.key),
                value=state.to_bytes(),
                partition=origin.partition,
            )
        )


def as_replay(envelope: Envelope, job_id: str, via: Via = Via.REPLAY) -> Envelope:
    return replace(envelope, via=via, job_id=job_id, attempt=0)


async def delete_before(settings: Settings, topic: str, partition: int, offset: int) -> None:
    """What retention does, at once."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        pair = TopicPartition(topic, partition)
        await admin.delete_records({pair: RecordsToDelete(offset)})
    finally:
        await admin.close()
