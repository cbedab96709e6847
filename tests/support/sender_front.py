"""An ingress that takes other senders' events, and such deliveries."""

from __future__ import annotations

from schemas.headers import envelope_of
from stream.kafka.publisher import Record
from support.adobe_sender import (
    CLIENT_ID,
    event_headers,
    rsa_key,
)
from support.http_wire import Answer, exchange, post
from support.ingress_front import Front, running

EVENTS = "/adobe/events"


def envelope(record: Record):
    return envelope_of(
        topic=record.topic,
        partition=0,
        offset=0,
        timestamp_ms=0,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )


def adobe_events(**overrides):
    return running(ingress_senders="adobe_events", adobe_events_client_id=CLIENT_ID, **overrides)


async def deliver(front: Front, body: bytes, **signing) -> Answer:
    signing = signing or {"first": rsa_key(1)}
    return await exchange(front.url, post(body, *event_headers(body, **signing), path=EVENTS))
