"""What our own topics say of some orders: the last outcome of each, and what was accepted.

One bounded read of `salesforce.results` and `magento.*`; only the wanted keys are kept.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import orjson

from agents.reconcile.findings import LastWord
from schemas.codec import DecodeError, Document, decode
from schemas.event import Kind
from schemas.identity import told_id
from schemas.result import Outcome
from schemas.sender_clock import sender_time, utc_text
from stream.config import Settings
from stream.kafka.log.range_reader import RangeReader, record_envelope

Subject = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The newest event of an order that was accepted, by Magento's version."""

    version: str
    at_ms: int
    event_id: str
    document: Document


async def last_words(
    settings: Settings, reader: RangeReader, subjects: Collection[Subject], *, since_ms: int
) -> dict[Subject, LastWord]:
    """Return the last word on each subject that has any. Raises BrokerError."""
    words: dict[Subject, tuple[str, LastWord]] = {}
    spans = await reader.spans([settings.topics.results], since_ms=since_ms)
    async for batch in reader.read(spans):
        for record in batch:
            try:
                read = orjson.loads(record.value)
                subject = Kind(read["kind"]), read["key"]
                outcome, event_id = Outcome(read["outcome"]), read["event_id"]
                at_ms = int(read["at_ms"])
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                continue  # the audit counts those
            if subject in subjects and (subject not in words or words[subject][1].at_ms <= at_ms):
                why = str(read.get("error_message") or read.get("reason") or "")
                words[subject] = event_id, LastWord(outcome, at_ms, why)
    for subject, event in (await accepted(settings, reader, subjects, since_ms=since_ms)).items():
        known = words.get(subject)
        if known is None or (known[0] != event.event_id and known[1].at_ms < event.at_ms):
            words[subject] = event.event_id, LastWord(None, event.at_ms)
    return {subject: word for subject, (_, word) in words.items()}


async def accepted(
    settings: Settings, reader: RangeReader, subjects: Collection[Subject], *, since_ms: int
) -> dict[Subject, Accepted]:
    """Return the newest accepted event of each subject since a record time. Raises BrokerError."""
    found = await accepted_documents(settings, reader, subjects, since_ms=since_ms)
    newest: dict[Subject, Accepted] = {}
    for (subject, _), event in found.items():
        held = newest.get(subject)
        if held is None or held.version <= event.version:
            newest[subject] = event
    return newest


async def accepted_documents(
    settings: Settings, reader: RangeReader, subjects: Collection[Subject], *, since_ms: int
) -> dict[tuple[Subject, str], Accepted]:
    """Return the newest accepted event of each document, by its subject and the store's id of it.

    Several orders may have one number; '' is the id of events that do not say theirs.
    """
    newest: dict[tuple[Subject, str], Accepted] = {}
    keys = {key for _, key in subjects}
    spans = await reader.spans(settings.topics.facts, since_ms=since_ms)
    async for batch in reader.read(spans):
        for record in batch:
            envelope = record_envelope(record)
            if envelope.key not in keys:
                continue
            try:
                document = decode(envelope.value, event=envelope.event, identity=settings.identity)
            except DecodeError:
                continue  # a dead letter, found by its own alert
            subject = (document.kind or envelope.kind, document.key)
            saved = sender_time(
                document.updated_at,
                envelope.received_at_ms,
                tolerance_seconds=settings.magento_clock_tolerance_seconds,
            )
            version = saved.version or utc_text(envelope.received_at_ms)
            where = subject, told_id(document.entity, document.kind)
            held = newest.get(where)
            if subject in subjects and (held is None or held.version <= version):
                newest[where] = Accepted(version, record.timestamp, envelope.event_id, document)
    return newest
