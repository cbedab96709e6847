"""Which fields a save has written, and what of an older save is left beside them. Pure.

The state of an order remembers them of a save that tells only a part (docs/decisions/0018), as
short digests: an older whole save that comes later is written except for these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b

from agents.handling.decode import DecodedEvent
from agents.handling.version_guard import overrules
from agents.mapping.apply import Mapped
from agents.mapping.fields.dates import iso_of
from agents.mapping.line_model import Lines
from schemas.salesforce import Row
from schemas.state import State

DIGEST_BYTES = 3  # of some thirty fields of one order
LINES = "lines"


def told_of(item: DecodedEvent, records: Mapped) -> frozenset[str]:
    """Return what the state is to remember of a save's fields: of a whole one nobody asks."""
    return told_by(records) if item.candidate.is_part else frozenset()


def told_by(records: Mapped) -> frozenset[str]:
    """Return the digests of the fields that rows write into records that exist."""
    told = {_digest(row, name) for row in _own_rows(records) for name in row.fields}
    return frozenset(told | ({LINES} if records.lines is not None else set()))


def left_of(records: Mapped, told: frozenset[str] | None) -> Mapped | None:
    """Return the rows without the fields that newer saves told; None when nothing is left.

    `told` is None for what is the newest itself. What was told stays for a new record: somebody may
    have deleted the one that had it.
    """
    if told is None:
        return records
    lines = None if LINES in told else records.lines
    rows = records.rows if lines is not None else _own_rows(records)
    left = tuple(row if _is_line(row, lines) else _left(row, told) for row in rows)
    if lines is None and not any(row.fields for row in left):
        return None
    return replace(records, rows=left, lines=lines)


def with_state(item: DecodedEvent, records: Mapped, state: State) -> Mapped:
    """Tell rows what the state knows: that their record exists, and which time the org takes."""
    fills = item.told_over is not None
    token = item.envelope.event_id if overrules(state, item.candidate) and not fills else ""
    ours = item.document.external_id or item.document.key
    at_least = iso_of(state.version) if fills else ""
    rows = tuple(
        _told(
            row, token, at_least, state.ids.get(row.sobject, "") if row.external_id == ours else ""
        )
        for row in records.rows
    )
    return replace(records, rows=rows)


def _told(row: Row, token: str, at_least: str, known_id: str) -> Row:
    version = row.version and max(row.version, at_least)
    if (token, version, known_id) == (row.overrule, row.version, row.known_id):
        return row  # most are a customer's, of whom an order's state knows nothing
    return replace(row, overrule=token, version=version, known_id=known_id)


def _own_rows(records: Mapped) -> Iterator[Row]:
    """Yield the rows that are no lines."""
    return (row for row in records.rows if not _is_line(row, records.lines))


def _is_line(row: Row, lines: Lines | None) -> bool:
    return lines is not None and row.sobject == lines.sobject


def _left(row: Row, told: frozenset[str]) -> Row:
    later = {name: value for name, value in row.fields.items() if _digest(row, name) in told}
    if not later:
        return row
    fields = {name: value for name, value in row.fields.items() if name not in later}
    return replace(row, fields=fields, insert_fields={**row.insert_fields, **later})


def _digest(row: Row, name: str) -> str:
    text = f"{row.sobject} {row.external_id.casefold()} {name}"
    return blake2b(text.encode(errors="replace"), digest_size=DIGEST_BYTES).hexdigest()
