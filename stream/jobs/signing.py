"""Signs what an operator's process publishes (`schemas.operator_signature`)."""

from __future__ import annotations

from dataclasses import replace

from schemas.event import Envelope, Kind, new_event_id
from schemas.operator_signature import signature_of
from stream.errors import JobError
from stream.settings.kafka import KafkaSettings


def signed(settings: KafkaSettings, envelope: Envelope) -> Envelope:
    """Return the envelope with its signature. Raises JobError where there is no key."""
    keys = settings.operator_signing_keys
    if not keys:
        raise JobError(
            "OPERATOR_SIGNING_KEY: missing; workers believe only what is signed. Make one with "
            "`openssl rand -hex 32` and give it to workers, dashboard and whoever runs commands"
        )
    return replace(envelope, operator_signature=signature_of(envelope, keys[0]))


def operator_event(
    settings: KafkaSettings, event: str, kind: Kind, *, key: str, value: bytes, at_ms: int
) -> Envelope:
    """Return a new event that an operator orders, signed. Raises JobError."""
    return signed(
        settings,
        Envelope(
            event_id=new_event_id(at_ms),
            event=event,
            kind=kind,
            key=key,
            received_at_ms=at_ms,
            value=value,
            sender="operator",
        ),
    )
