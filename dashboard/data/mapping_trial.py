"""A draft of the mapping over history: the newest events, or those of one order. Sends nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agents.mapping.hooks import hooks_refused
from agents.mapping.mapping import Mapping
from agents.mapping_preview.drafts import DraftComparison, compare_mappings
from schemas.event import Envelope
from stream.audit.trace import run_trace
from stream.audit.trace_rows import GIVEN
from stream.config import Settings
from stream.kafka.log.range_reader import OffsetRange, RangeReader, record_envelope

MAX_EVENTS = 500  # they are held in memory, and mapped twice


async def try_draft(
    settings: Settings, text: str, *, target: str, newest: int
) -> tuple[Mapping, DraftComparison]:
    """Return the draft and what it would change. Raises MappingFileError and BrokerError.

    Hooks are Python: who may write a draft in a browser may not run programs on this machine.
    """
    with hooks_refused():
        draft = Mapping.parse(text, file="draft")
    now = Mapping.load(settings.mapping_file)
    events = await (_of(settings, target) if target else _newest(settings, newest))
    found = await asyncio.to_thread(
        compare_mappings, now, draft, events, identity=settings.identity
    )
    return draft, found


async def _newest(settings: Settings, count: int) -> list[Envelope]:
    async with RangeReader(settings) as reader:
        spans = await reader.spans(settings.topics.facts)
        last = [replace(span, start=max(span.start, span.end - count)) for span in spans]
        return (await _read(reader, last))[:count]


async def _of(settings: Settings, target: str) -> list[Envelope]:
    """Return the events of an order or customer, the newest first."""
    life = await run_trace(settings, target)
    facts = settings.topics.facts
    spans = [
        OffsetRange(row.topic, row.partition, row.offset, row.offset + 1)
        for row in life.rows
        if row.step in GIVEN and row.topic in facts
    ][-MAX_EVENTS:]
    async with RangeReader(settings) as reader:
        found = [event for span in spans for event in await _read(reader, [span])]
    return found[::-1]


async def _read(reader: RangeReader, spans: list[OffsetRange]) -> list[Envelope]:
    records = [record async for batch in reader.read(spans) for record in batch]
    records.sort(key=lambda record: record.timestamp, reverse=True)
    return [record_envelope(record) for record in records]
