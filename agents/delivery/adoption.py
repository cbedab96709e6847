"""Adoption: which record that was there before us is the one a row means. Pure.

| records with the row's e-mail | what becomes of them |
|---|---|
| one has the row's key | nothing: it is the one |
| exactly one without a key | it gets the key |
| several without a key | the oldest gets it, and a note says how many there are |
| only with other keys, or none | nothing: the row creates its own |

The parents that the row links by external id are adopted with it. A parent that has another key
belongs to somebody else: it is left, and noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agents.delivery.candidates import Candidates, Record
from agents.mapping.mapping import Mapping as RecordMapping
from agents.mapping.model import RowRule
from agents.salesforce.api.record_updates import KeyUpdate
from agents.salesforce.api.soql import REST_ROOM, QueryRoom, fitting, is_same_text, quoted
from schemas.email import in_one_spelling, stored_forms
from schemas.frozen import dataclass
from schemas.salesforce import Row


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is to be done before a row may create: parents' keys first, then its own."""

    updates: tuple[KeyUpdate, ...] = ()
    notes: tuple[str, ...] = ()


def adoption_rules(mapping: RecordMapping) -> list[RowRule]:
    """Return the rows of the mapping that adopt, one per sObject."""
    rules = (rule for rule in mapping.rulebook.active_rows() if rule.adopt_by)
    return list({rule.sobject: rule for rule in rules}.values())


def without_key_query(rule: RowRule) -> str:
    """Return the SOQL that counts the records which would be adopted, as `n`."""
    where = f"{rule.adopt_by} != null AND {rule.external_id} = null"
    return f"SELECT COUNT(Id) n FROM {rule.sobject} WHERE {where}"  # noqa: S608 - API names


def value_of(row: Row) -> str:
    """Return what the row is looked for by; '' when it is not looked for."""
    value = row.fields.get(row.adopt_by) or row.insert_fields.get(row.adopt_by)
    return value if row.adopt_by and isinstance(value, str) else ""


def queries_for(
    rows: Sequence[Row], room: QueryRoom = REST_ROOM
) -> Iterator[tuple[str, list[Row]]]:
    """Yield (SOQL, the rows it looks for), in the fewest queries; rows of one sObject each."""
    shapes: dict[tuple[str, str, str, tuple[tuple[str, str, str], ...]], list[Row]] = {}
    for row in rows:
        links = tuple((name, field, "") for name, field, _ in _links(row))
        shapes.setdefault((row.sobject, row.external_id_field, row.adopt_by, links), []).append(row)
    for (sobject, key, by, links), members in shapes.items():
        parents = [f"{name}.{field}" for name, field, _ in links for field in ("Id", field)]
        fields = ", ".join(["Id", "CreatedDate", key, by, *parents])
        for part in fitting(members, lambda row: (*_forms(row), row.external_id), room):
            values = ",".join(quoted(form) for row in part for form in _forms(row))
            keys = ",".join(quoted(row.external_id) for row in part)
            where = f"{by} IN ({values}) OR {key} IN ({keys})"
            yield f"SELECT {fields} FROM {sobject} WHERE {where}", part  # noqa: S608 - quoted


def _forms(row: Row) -> tuple[str, ...]:
    return stored_forms(value_of(row))


def spelling_of(row: Row) -> str:
    """Return the spelling in which a row's value and a record's are compared."""
    return in_one_spelling(value_of(row))


def candidates_of(rows: Sequence[Row], records: Sequence[Record]) -> Candidates:
    """Return the records of a query's rows by what they are looked for by, and by their keys."""
    by, key = rows[0].adopt_by, rows[0].external_id_field
    return Candidates(
        records,
        lambda r: (in_one_spelling(str(r.get(by) or "")), str(r.get(key) or "").casefold()),
    )


def adoption_of(
    row: Row, records: Sequence[Record], given: Mapping[str, str] | None = None
) -> Adoption:
    """Return what becomes of the records that were found for a row.

    `given` are the keys, by record id, that others of the same batch give: nobody else's any more.
    """
    if not records:
        return Adoption()
    given = given or {}
    wanted, key = spelling_of(row), row.external_id_field
    # A query finds `ss` for `ß`, who is somebody else.
    mine = [r for r in records if in_one_spelling(str(r.get(row.adopt_by) or "")) == wanted]
    holders = [r for r in records if is_same_text(r.get(key), row.external_id)]
    free = sorted(
        (r for r in mine if not r.get(key) and str(r.get("Id")) not in given),
        key=lambda r: (str(r.get("CreatedDate")), str(r.get("Id"))),
    )
    if holders or not free:
        return Adoption()
    chosen, what = free[0], f"{row.sobject} {free[0]['Id']}"
    note = f"{what}: adopted, it had this {row.adopt_by} and no key"
    if len(free) > 1:
        note = f"{what}: adopted, the oldest of {len(free)} with this {row.adopt_by} and no key"
    updates: list[KeyUpdate] = []
    notes = [note]
    for name, field, parent_key in _links(row):
        _adopt_parent(chosen, (name, field, parent_key), updates, notes, given)
    own = KeyUpdate(row.sobject, str(chosen["Id"]), key, row.external_id)
    return Adoption((*updates, own), tuple(notes))


def _adopt_parent(
    record: Record,
    link: tuple[str, str, str],
    updates: list[KeyUpdate],
    notes: list[str],
    given: Mapping[str, str],
) -> None:
    name, field, key = link
    parent = record.get(name)
    if not isinstance(parent, Mapping) or not parent.get("Id"):
        return
    sobject = str((parent.get("attributes") or {}).get("type") or name)
    present = parent.get(field) or given.get(str(parent["Id"]))
    if not present:
        updates.append(KeyUpdate(sobject, str(parent["Id"]), field, key))
    elif not is_same_text(present, key):
        notes.append(f"{sobject} {parent['Id']}: has another key and was left; a new one is made")


def _links(row: Row) -> Iterator[tuple[str, str, str]]:
    """Yield (relationship, key field, key) of the parents a row names by external id."""
    for name, value in {**row.insert_fields, **row.fields}.items():
        if not isinstance(value, str) and isinstance(value, Mapping) and len(value) == 1:
            ((field, key),) = value.items()
            yield name, str(field), str(key)
