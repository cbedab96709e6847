"""Adoption of a whole org, at onboarding: who would get which key, and what a person must look at.

| action | means |
|---|---|
| adopt | the only record with this value and without key: it gets the key |
| adopt-oldest | there are several; the oldest gets the key, the others are listed as `extra` |
| extra | has the value and no key, and is not the one: merge it, or leave it |
| twin | has no key, while another record has the key of this value: merge them |
| parent-left | the record hangs on a parent that has somebody else's key |

The records are read page by page and held in memory, about 400 bytes each. What is written is what
the pipe would write before the first order of each customer, so it may be stopped and repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.delivery.adoption import adoption_of, adoption_rules
from agents.mapping.mapping import Mapping as RecordMapping
from agents.mapping.model import RowRule
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import MAX_ROWS
from agents.salesforce.api.record_updates import KeyUpdate, give_keys
from agents.salesforce.api.soql import is_same_text
from agents.salesforce.errors.errors import cause_of
from schemas.email import as_key, in_one_spelling
from schemas.identity import folded
from schemas.parts import parts_of
from schemas.salesforce import Row

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AdoptionEntry:
    """One line of the CSV."""

    sobject: str
    id: str
    action: str
    key: str
    detail: str = ""


@dataclass(slots=True)
class AdoptionPlan:
    """What an org's adoption would do. `records` were looked at, `keyed` of them have a key."""

    records: int = 0
    keyed: int = 0
    entries: list[AdoptionEntry] = field(default_factory=list)
    updates: list[KeyUpdate] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(entry.action for entry in self.entries))


async def survey(client: OrgClient, mapping: RecordMapping) -> AdoptionPlan:
    """Return what adopting the whole org would do; writes nothing. Raises SalesforceError."""
    plan = AdoptionPlan()
    for rule in adoption_rules(mapping):
        parents = [f"{p.relationship}.{name}" for p in rule.parents for name in ("Id", p.field)]
        names = ", ".join(["Id", "CreatedDate", rule.external_id, rule.adopt_by, *parents])
        where = f"{rule.adopt_by} != null OR {rule.external_id} != null"
        soql = f"SELECT {names} FROM {rule.sobject} WHERE {where}"  # noqa: S608 - API names
        records: list[Record] = [record async for record in client.query(soql)]
        _add(plan, rule, records)
    return plan


def _add(plan: AdoptionPlan, rule: RowRule, records: list[Record]) -> None:
    by_value: dict[str, list[Record]] = {}
    by_key: dict[str, list[Record]] = {}
    for record in records:
        plan.records += 1
        plan.keyed += bool(record.get(rule.external_id))
        # The key is what orders and customers will ask for, not how the address is written there.
        key = as_key(in_one_spelling(str(record.get(rule.adopt_by) or "")))
        _file(by_value, key, {**record, rule.adopt_by: key})
        _file(by_key, folded(str(record.get(rule.external_id) or "")), record)
    given: set[tuple[str, str]] = set()
    for value, sharing in by_value.items():
        ids = {record["Id"] for record in sharing}
        holders = [r for r in by_key.get(folded(value), ()) if r["Id"] not in ids]
        for entry, update in _entries(rule, value, [*sharing, *holders]):
            plan.entries.append(entry)
            if update is not None and (update.sobject, update.id) not in given:
                given.add((update.sobject, update.id))
                plan.updates.append(update)


def _file(index: dict[str, list[Record]], value: str, record: Record) -> None:
    if value:
        index.setdefault(value, []).append(record)


def _entries(
    rule: RowRule, key: str, records: list[Record]
) -> Iterator[tuple[AdoptionEntry, KeyUpdate | None]]:
    sobject = rule.sobject
    links = {parent.relationship: {parent.field: key} for parent in rule.parents}
    row = Row(sobject, rule.external_id, key, {rule.adopt_by: key, **links}, adopt_by=rule.adopt_by)
    free = [str(r["Id"]) for r in records if not r.get(rule.external_id)]
    adoption = adoption_of(row, records)
    if not adoption.updates:
        has_holder = any(is_same_text(r.get(rule.external_id), key) for r in records)
        for record_id in free if has_holder else ():
            yield AdoptionEntry(sobject, record_id, "twin", key), None
        return
    *_, own = adoption.updates
    action = "adopt" if len(free) == 1 else "adopt-oldest"
    for update in adoption.updates:
        yield AdoptionEntry(update.sobject, update.id, action, key), update
    for record_id in free:
        if record_id != own.id:
            yield AdoptionEntry(sobject, record_id, "extra", key), None
    for note in adoption.notes[1:]:
        yield AdoptionEntry(sobject, own.id, "parent-left", key, note), None


async def adopt(
    client: OrgClient, updates: Iterable[KeyUpdate], *, tell: Callable[[int], None]
) -> list[tuple[KeyUpdate, str]]:
    """Give the records their keys; return those that were refused, with the code.

    `tell` is given the number done so far. Raises SalesforceError when a call as a whole fails.
    """
    ordered = sorted(updates, key=lambda update: update.sobject)
    refused: list[tuple[KeyUpdate, str]] = []
    done = 0
    for part in parts_of(ordered, MAX_ROWS):
        results = await give_keys(client, part)
        for update, result in zip(part, results, strict=True):
            if not result.success:
                refused.append((update, cause_of(result.errors).code))
        done += len(part)
        tell(done)
    return refused
