"""Fills topics at once, as the ingress and the workers would have over time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from bench.orders import Template
from schemas.codec import decode
from schemas.event import Kind, derived_event_id
from schemas.headers import identity_headers
from schemas.result import Outcome, Result
from stream.config import Settings
from stream.kafka.blocking_publish import BlockingPublish
from stream.kafka.publisher import Ack, KafkaPublisher, Record
from stream.ops.alerts import Alerts

CHUNK = 5_000
RECEIVED_AT_MS = 1_773_500_000_000


async def publish(settings: Settings, records: Iterable[Record]) -> list[Ack]:
    """Publish records, some thousands at a time; return their acks."""
    publisher = KafkaPublisher(settings)
    await publisher.start()
    publish_all = BlockingPublish(publisher, alerts=Alerts())
    acks: list[Ack] = []
    source = iter(records)
    try:
        while chunk := list(islice(source, CHUNK)):
            acks += await publish_all(chunk)
    finally:
        await publisher.stop()
    return acks


async def fill_orders(settings: Settings, events: int, *, first: int = 0) -> list[Ack]:
    """Put so many orders, from number `first` on, into `magento.orders`."""
    template = Template.make()
    return await publish(
        settings,
        (_order(settings, template, first + number) for number in range(events)),
    )


def _order(settings: Settings, template: Template, number: int) -> Record:
    body = template.order(number, 1)
    document = decode(body)
    headers = identity_headers(
        event_id=_id_of(number),
        event=document.event,
        kind=Kind.ORDER,
        received_at_ms=RECEIVED_AT_MS + number,
        sender="magento",
        signature_key="current",
    )
    key = document.key.encode()
    return Record(settings.topics.orders, key, body, headers=tuple(headers))


async def fill_results(settings: Settings, acks: Iterable[Ack]) -> None:
    """Put a `synced` outcome for every event from number 0 on into `salesforce.results`."""
    await publish(settings, (_result(settings, n, ack) for n, ack in enumerate(acks)))


def _id_of(number: int) -> str:
    """Return an event's id: what an outcome is told apart by."""
    return derived_event_id(RECEIVED_AT_MS + number, str(number))


def _result(settings: Settings, number: int, ack: Ack) -> Record:
    result = Result(
        event_id=_id_of(number),
        kind=Kind.ORDER.value,
        key=f"{ack.partition}-{ack.offset}",
        outcome=Outcome.SYNCED,
        event="sales_order_save_after",
        origin_topic=ack.topic,
        origin_partition=ack.partition,
        origin_offset=ack.offset,
        at_ms=RECEIVED_AT_MS,
        latency_ms=500,
        salesforce_ids={"Account": "001000000000001AAA", "Opportunity": "006000000000001AAA"},
        mapping_version="0123456789ab",
        worker="worker-1",
    )
    key = result.key.encode()
    return Record(settings.topics.results, key, result.to_bytes(), partition=ack.partition)
