"""Which Salesforce fields hold a person, by the mapping: pure.

A field is personal if a path it reads is a person's, directly or through a named value, or if it is
a text and nobody knows what the path holds (`agents.erasure.names`). So whoever maps a further
field need not say it twice. What a hook makes is taken for personal, because nobody can see what it
reads. What a `map` makes of an unknown path is one of the file's own words.

| the field is | it becomes |
|---|---|
| an external ID made of an address | a random one, so that a new customer gets new records |
| required, or what a name is made of | `Erased` |
| anything else | empty |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from agents.erasure.names import Meaning, meaning_of
from agents.mapping.compiled import Types
from agents.mapping.fields.field_types import FieldType
from agents.mapping.model import FieldRule, KindRules, RowRule, Rulebook, ValueRule
from agents.salesforce.api.soql import quoted
from schemas.event import Kind

ERASED = "Erased"
# In an order's records an unknown number stays, as amounts do: they are the company's books.
TEXTS = ("text", "textarea", "html")
TYPED = (*TEXTS, "email", "phone", "url", "date", "datetime")
LINES = "items"
IS_EMAIL = " = {email}"
PLACEHOLDER = re.compile(r"\{([^{}|]+)")
SEGMENT = re.compile(r"[\w$-]+(?=[.\[\]]|$)")


@dataclass(frozen=True, slots=True)
class PersonalRecords:
    """How to find a person's records of one sObject, and what to write over them.

    `values` are by field; `key_field` is the external ID to replace, '' if it is no address.
    `names_orders`: the external ID is an order's key.
    """

    sobject: str
    external_id: str
    conditions: tuple[str, ...]
    values: Mapping[str, Any]
    key_field: str = ""
    names_orders: bool = False

    def soql(self, email: str, order_keys: Iterable[str], people: Iterable[str] = ()) -> str:
        """Return the query for the records of an address and of orders; '' when it asks nothing.

        `people` are the keys of the address, where it is not itself the only one.
        """
        quoted_keys = _listed(order_keys)
        parts = [
            part.format(email=quoted(email), keys=quoted_keys, people=_listed(people or (email,)))
            for part in self.conditions
            if "{keys}" not in part or quoted_keys
        ]
        where = " OR ".join(parts)
        fields = ", ".join(("Id", self.external_id, *self.email_fields))
        return where and f"SELECT {fields} FROM {self.sobject} WHERE {where}"  # noqa: S608 - quoted

    @property
    def email_fields(self) -> tuple[str, ...]:
        """The fields that a record is found by when they hold the address."""
        return tuple(one.removesuffix(IS_EMAIL) for one in self.conditions if IS_EMAIL in one)


def _listed(texts: Iterable[str]) -> str:
    return ",".join(map(quoted, texts))


def personal_records(book: Rulebook, types: Types = MappingProxyType({})) -> list[PersonalRecords]:
    """Return what is personal, parents first; sObjects without personal fields are left out.

    `types` are the org's own, where it was asked: the file need not say the type of a field.
    """
    found: dict[str, PersonalRecords] = {}
    active = {id(row) for row in book.active_rows()}
    for kind, rules in book.kinds.items():
        for row in rules.rows:
            if id(row) in active and (made := _of_row(row, rules, kind, types)) is not None:
                found[row.sobject] = _merged(found.get(row.sobject), made)
    for line in book.line_rules[-1:]:  # the catalogue is nobody's
        if (made := _of_line(line, types)) is not None:
            found[line.sobject] = made
    return [records for records in found.values() if records.values or records.key_field]


def _of_row(row: RowRule, rules: KindRules, kind: Kind, types: Types) -> PersonalRecords | None:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    key_field = ""
    is_order_key = False
    for field in row.fields:
        meaning = _meaning(field.value, _Reading(rules, kind))
        is_personal = meaning is Meaning.PERSONAL
        kept = types.get((row.sobject, field.name), field.type)
        if field.name == row.external_id:
            key_field = field.name if is_personal else ""
            is_order_key = not is_personal and kind is Kind.ORDER
            conditions += [f"{field.name} IN ({{keys}})"] if is_order_key else []
            conditions += [f"{field.name} IN ({{people}})"] if is_personal else []
        elif _goes(field, kept, meaning, kind):
            values[field.name] = _replacement(field, kept)
            if is_personal and field.type.kind == "email":
                conditions.append(f"{field.name}{IS_EMAIL}")
    for parent in row.parents:
        if _meaning(parent.value, _Reading(rules, kind)) is Meaning.PERSONAL:
            conditions.append(f"{parent.relationship}.{parent.field} IN ({{people}})")
    if not conditions:
        return None
    return PersonalRecords(
        row.sobject, row.external_id, tuple(conditions), values, key_field, is_order_key
    )


def _of_line(row: RowRule, types: Types) -> PersonalRecords | None:
    """Return what further fields of an order's lines hold; they are found through the order."""
    values = {}
    for field in row.fields:
        kept = types.get((row.sobject, field.name), field.type)
        meaning = _meaning(field.value, _Reading(KindRules(), Kind.ORDER, LINES))
        if field.name != row.external_id and _goes(field, kept, meaning, Kind.ORDER):
            values[field.name] = _replacement(field, kept)
    order = row.parents[0]
    condition = f"{order.relationship}.{order.field} IN ({{keys}})"
    return PersonalRecords(row.sobject, row.external_id, (condition,), values) if values else None


def _merged(before: PersonalRecords | None, more: PersonalRecords) -> PersonalRecords:
    if before is None:
        return more
    return PersonalRecords(
        more.sobject,
        more.external_id,
        tuple(dict.fromkeys((*before.conditions, *more.conditions))),
        {**before.values, **more.values},
        before.key_field or more.key_field,
        before.names_orders or more.names_orders,
    )


def _goes(field: FieldRule, kept: FieldType, meaning: Meaning, kind: Kind) -> bool:
    """Whether a field is emptied: what nobody knows is, unless it cannot hold a person's words."""
    if meaning is not Meaning.UNKNOWN:
        return meaning is Meaning.PERSONAL
    if kept.kind not in TEXTS and (field.is_required or kept.is_required):
        return False  # Salesforce would refuse it, and the erasure would never end
    return kept.kind in TYPED if kind is Kind.ORDER else kept.kind != "checkbox"


def _replacement(field: FieldRule, kept: FieldType) -> Any:
    is_needed = field.is_required or kept.is_required or field.name == "LastName"  # of a person
    return ERASED if is_needed and kept.kind in TEXTS else None


@dataclass(frozen=True, slots=True)
class _Reading:
    """Where a path is read: the named values, the kind, and the list it starts from an entry of."""

    rules: KindRules
    kind: Kind
    inside: str = ""
    seen: frozenset[str] = frozenset()


def _meaning(rule: ValueRule, reading: _Reading) -> Meaning:
    """Return what a rule's value may hold; text that the file says itself is nobody's."""
    if rule.python:
        return Meaning.PERSONAL
    found = [_meaning_of_path(path, reading) for path in _sources(rule)]
    if rule.table is not None:
        found = [one for one in found if one is Meaning.PERSONAL]
    found += [_meaning_of_path(path, reading) for path in rule.or_else]
    if rule.each is not None:
        path = rule.each.path
        segments = SEGMENT.findall(re.sub(r"\[[^\]]*\]", "", path))
        found.append(_meaning_of_path(path, reading))
        inner = replace(
            reading,
            rules=KindRules({**reading.rules.values, **rule.each.values}),
            inside=segments[-1] if segments else "",
        )
        found += [_meaning_of_path(p, inner) for p in PLACEHOLDER.findall(rule.each.template)]
    return max(found, default=Meaning.NOBODYS)


def _sources(rule: ValueRule) -> Iterator[str]:
    yield from (*rule.sources, *rule.map_by)
    yield from PLACEHOLDER.findall(rule.template or "")


def _meaning_of_path(path: str, reading: _Reading) -> Meaning:
    segments = SEGMENT.findall(re.sub(r"\[[^\]]*\]", "", path.strip()))
    if not segments:
        return Meaning.NOBODYS
    first, *rest = segments
    if first == "$key" and reading.kind is Kind.ORDER:
        return Meaning.NOBODYS
    if first in ("$key", "$customer_key"):
        return Meaning.PERSONAL
    if not rest and first in reading.rules.values and first not in reading.seen:
        value = reading.rules.values[first]
        return _meaning(value, replace(reading, seen=reading.seen | {first}))
    return meaning_of(segments, reading.inside)
