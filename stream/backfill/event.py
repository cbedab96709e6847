"""A document of the store's REST API as an event of the pipe.

The same bytes a webhook could have brought: the document alone, as REST sent it, in the topic and
partition of its key. Headers say that it was read and not sent, and of what.
"""

from __future__ import annotations

from typing import Any

import orjson

from schemas.codec import key_of
from schemas.event import Envelope, Kind, Via, new_event_id
from schemas.headers import headers_of
from schemas.operator import READ_FROM_HEADER
from stream.config import Settings
from stream.jobs.signing import signed
from stream.kafka.publisher import Record
from stream.magento.criteria import Resource
from stream.magento.paging import Cursor, cursor_of

SENDER = "rest"
RESOURCES = {Kind.ORDER: Resource.ORDERS, Kind.CUSTOMER: Resource.CUSTOMERS}


def backfill_record(
    document: dict[str, Any],
    kind: Kind,
    settings: Settings,
    *,
    job_id: str,
    at_ms: int,
    is_forced: bool = False,
) -> Record:
    """Return the record of a document.

    Raises schemas.codec.DecodeError when it has no key, JobError when there is none to sign with.
    """
    key = key_of(document, kind, settings.identity)
    envelope = signed(
        settings,
        Envelope(
            event_id=new_event_id(at_ms),
            event=f"{kind.value}_saved",
            kind=kind,
            key=key,
            received_at_ms=at_ms,
            value=orjson.dumps(document),
            sender=SENDER,
            via=Via.BACKFILL,
            job_id=job_id,
            is_forced=is_forced,
        ),
    )
    return Record(
        topic=settings.topics.source_of(kind),
        key=key.encode(),
        value=envelope.value,
        headers=[*headers_of(envelope), (READ_FROM_HEADER, place_text(cursor_of(document)))],
    )


def place_text(place: Cursor) -> bytes:
    """Return `id@updated_at`: which save of which document."""
    return f"{place.entity_id}@{place.updated_at}".encode()
