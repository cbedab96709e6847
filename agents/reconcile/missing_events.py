"""The gap detector: orders that Magento saved and of which no webhook came.

Light: it reads a short window from Magento and the same time from our topics, and asks Salesforce
nothing. A save is covered when an accepted event of that order is as new, or when the newest one
maps to the same rows (Magento also moves `updated_at` when only its e-mail went out).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from agents.mapping.mapping import Mapping as RecordMapping
from agents.reconcile.topic_outcomes import Accepted, Subject, accepted_documents
from schemas.codec import DecodeError, Document, decode
from schemas.document.shape import id_of
from schemas.event import Kind
from schemas.identity import Identity
from stream.backfill.event import RESOURCES
from stream.config import Settings
from stream.errors import MappingError
from stream.kafka.log.range_reader import RangeReader
from stream.magento.client import MagentoRest
from stream.magento.paging import Window, changed, entity_id_of
from stream.magento.times import unix_ms

CLOCK_SKEW_MS = 60_000  # the store's clock may be ahead of the broker's


@dataclass(frozen=True, slots=True)
class Gap:
    """A save whose webhook is missing."""

    kind: Kind
    key: str
    entity_id: int
    updated_at: str
    reason: str


@dataclass(slots=True)
class GapReport:
    """What was looked at and what is missing, oldest first."""

    window: Window
    checked: int = 0
    gaps: list[Gap] = field(default_factory=list)


async def find_gaps(
    settings: Settings,
    magento: MagentoRest,
    reader: RangeReader,
    mapping: RecordMapping,
    *,
    kinds: tuple[Kind, ...],
    window: Window,
    began: str,
) -> GapReport:
    """Return the gaps of a window. Raises MagentoError and BrokerError."""
    report = GapReport(window)
    saved: dict[tuple[Subject, str], Document] = {}
    for kind in kinds:
        pages = changed(magento, settings, RESOURCES[kind], window, began=began)
        async for page in pages:
            for entity in page.documents:
                read = read_document(entity, kind, settings.identity)
                if read is not None:
                    saved[(kind, read.key), id_of(read.entity)] = read
    report.checked = len(saved)
    since_ms = (unix_ms(window.since) or 0) - CLOCK_SKEW_MS
    subjects = {subject for subject, _ in saved}
    events = await accepted_documents(settings, reader, subjects, since_ms=since_ms)
    for (subject, document_id), document in saved.items():
        reason = gap_reason(mapping, document, event_of(events, subject, document_id))
        if reason:
            entity_id = entity_id_of(document.entity)
            report.gaps.append(Gap(*subject, entity_id, document.updated_at, reason))
    report.gaps.sort(key=lambda gap: (gap.updated_at, gap.entity_id))
    return report


def event_of(
    events: Mapping[tuple[Subject, str], Accepted], subject: Subject, document_id: str
) -> Accepted | None:
    """Return the newest event that may be of a document: of its id, or one that names none."""
    found = [events[subject, own] for own in {document_id, ""} if (subject, own) in events]
    return max(found, key=lambda event: event.version, default=None)


def gap_reason(mapping: RecordMapping, document: Document, event: Accepted | None) -> str:
    """Return why a save counts as a gap; '' when it is covered."""
    if event is None:
        return "no webhook of it"
    if event.version >= document.updated_at:
        return ""
    if rows_of(mapping, document) == rows_of(mapping, event.document):
        return ""
    return f"the last webhook is of {event.version}"


def rows_of(mapping: RecordMapping, document: Document) -> Any:
    """Return what a document writes, without the time it was saved; None when it does not map."""
    try:
        mapped = mapping.apply(document)
    except MappingError:
        return None
    return [(row.identity, dict(row.fields)) for row in mapped.rows if row.fields]


def read_document(entity: dict[str, Any], kind: Kind, identity: Identity) -> Document | None:
    """Return a REST document as the pipe decodes it; None when it has no key."""
    try:
        return decode(orjson.dumps(entity), event=f"{kind.value}_saved", identity=identity)
    except DecodeError:
        return None
