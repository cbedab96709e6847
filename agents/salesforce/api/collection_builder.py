"""Rows to the collections of one or more calls: who is merged with whom, and in which order.

The same record twice in one request is refused by Salesforce for both, so equal identities are
merged here, as if they had been sent one after the other. Parents come before children: an sObject
stands behind every sObject that precedes it in some bundle.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

from agents.salesforce.api.composite import Collection, row_bytes, rows_bytes_at_most
from schemas.frozen import dataclass
from schemas.parts import parts_of
from schemas.salesforce import Row

Method = Literal["upsert", "create", "update"]
Owner = tuple[int, int]  # position of the bundle, position of the row in it
CollectionKey = tuple[str, str, Method]  # rows of one shape share a collection


@dataclass(frozen=True, slots=True)
class CollectionLimits:
    """What one call may hold. Sources: REST API guide; bytes are kept far below its 50 MB."""

    bundles: int = 200
    rows: int = 200
    collections: int = 5
    bytes: int = 8_000_000


API_LIMITS = CollectionLimits()


@dataclass(frozen=True, slots=True)
class RowWrite:
    """A row to send now, for the bundle and place it comes from."""

    owner: Owner
    row: Row
    method: Method

    @property
    def shape(self) -> CollectionKey:
        return self.row.sobject, self.row.external_id_field, self.method


Merged = tuple[Row, list[RowWrite]]  # a row to send, and the steps it stands for


@dataclass(frozen=True, slots=True)
class CollectionDraft:
    """One collection, and for each of its rows the bundles' rows that it stands for."""

    collection: Collection
    owners: tuple[tuple[Owner, ...], ...]
    is_mixed: tuple[bool, ...]  # the row was merged from rows that differ


def weight_of(row: Row) -> int:
    """Return the bytes a row takes in a call; 0 if it cannot be written as JSON at all.

    Such a row is found, and refused by itself, when its collection is encoded.
    """
    try:
        return row_bytes(row)
    except TypeError:
        return 0


def weight_at_most(rows: Sequence[Row]) -> int:
    """Return no less than the rows take in a call together, at a fraction of weighing each."""
    try:
        return sum(map(rows_bytes_at_most, parts_of(rows, API_LIMITS.rows)))
    except TypeError:
        return sum(map(weight_of, rows))


def draft_calls(steps: Sequence[RowWrite], limits: CollectionLimits) -> list[list[CollectionDraft]]:
    """Return the calls that send all steps, in the order in which they must be sent."""
    columns: dict[CollectionKey, list[Merged]] = {}
    for twins in _by_identity(steps):
        merged = _merge(twins) if len(twins) > 1 else twins[0]
        columns.setdefault(merged.shape, []).append((merged.row, twins))
    fits = weight_at_most([step.row for step in steps]) <= limits.bytes
    levels = _levels(steps)
    calls: list[list[CollectionDraft]] = []
    room = 0
    for shape in sorted(columns, key=lambda shape: levels[shape[0]]):
        for draft, size in _cut(shape, columns[shape], limits, fits=fits):
            if not calls or len(calls[-1]) == limits.collections or size > room:
                calls.append([])
                room = limits.bytes
            calls[-1].append(draft)
            room -= size
    return calls


def _by_identity(steps: Sequence[RowWrite]) -> list[list[RowWrite]]:
    twins: dict[tuple[str, str], list[RowWrite]] = {}
    for step in steps:
        twins.setdefault(step.row.identity, []).append(step)
    return list(twins.values())


def _merge(twins: Sequence[RowWrite]) -> RowWrite:
    """Return one step for steps of the same record; the newest version's values win.

    A plain upsert among them creates the record with all that it needs, so the insert fields of
    the others are not needed.
    """
    merged, *others = sorted(twins, key=lambda step: step.row.version)
    for step in others:
        row = dataclasses.replace(
            step.row,
            fields={**merged.row.fields, **step.row.fields},
            insert_fields={**merged.row.insert_fields, **step.row.insert_fields},
            record_id=step.row.record_id or merged.row.record_id,
            is_own=step.row.is_own or merged.row.is_own,
        )
        merged = RowWrite(step.owner, row, _method_of({step.method, merged.method}))
    return merged


def _method_of(methods: set[Method]) -> Method:
    if "update" in methods:  # the org has named the record
        return "update"
    return "create" if methods == {"create"} else "upsert"


def _levels(steps: Sequence[RowWrite]) -> dict[str, int]:
    """Return each sObject's place: one behind every sObject that precedes it in a bundle."""
    chains: dict[int, list[str]] = {}
    for step in steps:
        chain = chains.setdefault(step.owner[0], [])
        if step.row.sobject not in chain:
            chain.append(step.row.sobject)
    distinct = {tuple(chain) for chain in chains.values()}
    levels = {step.row.sobject: 0 for step in steps}
    for _ in levels:  # longest path; a cycle ends here too, and its rows are retried in place
        for order in distinct:
            for parent, child in itertools.pairwise(order):
                levels[child] = max(levels[child], min(levels[parent] + 1, len(levels)))
    return levels


def _cut(
    shape: CollectionKey,
    rows: Sequence[Merged],
    limits: CollectionLimits,
    *,
    fits: bool,
) -> Iterator[tuple[CollectionDraft, int]]:
    """Cut rows into collections. `fits`: all go into one call, whatever each of them weighs."""
    part: list[Merged] = []
    part_bytes = 0
    for row, twins in rows:
        size = 0 if fits else weight_of(row)
        if part and (len(part) == limits.rows or part_bytes + size > limits.bytes):
            yield _draft(shape, part), part_bytes
            part, part_bytes = [], 0
        part.append((row, twins))
        part_bytes += size
    if part:
        yield _draft(shape, part), part_bytes


def _draft(shape: CollectionKey, part: Sequence[Merged]) -> CollectionDraft:
    sobject, external_id_field, method = shape
    rows = tuple([row for row, _ in part])
    return CollectionDraft(
        Collection(sobject, external_id_field, method, rows),
        tuple([tuple([step.owner for step in twins]) for _, twins in part]),
        tuple([len(twins) > 1 and _differ(twins) for _, twins in part]),
    )


def _differ(twins: Sequence[RowWrite]) -> bool:
    return any(step.row != twins[0].row for step in twins)
