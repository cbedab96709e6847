"""Which Salesforce fields hold a person, by the mapping: pure.

A field is personal if a path it reads ends in one of Magento's personal names, directly or through
a named value. So whoever maps a further field need not say it twice. What a hook makes is taken for
personal, because nobody can see what it reads.

| the field is | it becomes |
|---|---|
| an external ID made of an address | a random one, so that a new customer gets new records |
| required, or what a name is made of | `Erased` |
| anything else | empty |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agents.mapping.model import FieldRule, KindRules, RowRule, Rulebook, ValueRule
from agents.salesforce.api.soql import quoted
from schemas.event import Kind

# Last (or any) segment of a path in Magento's documents (magento reference §2.2).
PERSONAL = frozenset(
    {
        "email",
        "customer_email",
        "subscriber_email",
        "firstname",
        "customer_firstname",
        "lastname",
        "customer_lastname",
        "middlename",
        "customer_middlename",
        "prefix",
        "customer_prefix",
        "suffix",
        "customer_suffix",
        "dob",
        "customer_dob",
        "gender",
        "customer_gender",
        "taxvat",
        "customer_taxvat",
        "customer_note",
        "customer_id",
        "telephone",
        "fax",
        "street",
        "city",
        "postcode",
        "region",
        "region_code",
        "region_id",
        "company",
        "vat_id",
        "remote_ip",
        "x_forwarded_for",
        "po_number",
        "cc_last4",
        "gift_message",
        "ext_customer_id",
        "billing_address",
        "shipping_address",
        "addresses",
        # Of the order grid, of payments (as getData() spells them) and of gift messages.
        "customer_name",
        "billing_name",
        "shipping_name",
        "cc_owner",
        "cc_last_4",
        "echeck_account_name",
        "echeck_routing_number",
        "sender",
        "recipient",
    }
)
# The store's own fields of customers and addresses: nobody here knows what people type into them.
CUSTOM = "custom_attributes"
ERASED = "Erased"
PLACEHOLDER = re.compile(r"\{([^{}|]+)")
SEGMENT = re.compile(r"[\w$-]+(?=[.\[\]]|$)")


@dataclass(frozen=True, slots=True)
class PersonalRecords:
    """How to find a person's records of one sObject, and what to write over them.

    `values` are by field; `key_field` is the external ID to replace, '' if it is no address.
    """

    sobject: str
    external_id: str
    conditions: tuple[str, ...]
    values: Mapping[str, Any]
    key_field: str = ""

    def soql(self, email: str, order_keys: Iterable[str], people: Iterable[str] = ()) -> str:
        """Return the query for the records of an address and of orders.

        `people` are the keys of the address, where it is not itself the only one.
        """
        quoted_keys = _listed(order_keys)
        parts = [
            part.format(email=quoted(email), keys=quoted_keys, people=_listed(people or (email,)))
            for part in self.conditions
            if "{keys}" not in part or quoted_keys
        ]
        where = " OR ".join(parts)
        return f"SELECT Id, {self.external_id} FROM {self.sobject} WHERE {where}"  # noqa: S608 - quoted


def _listed(texts: Iterable[str]) -> str:
    return ",".join(map(quoted, texts))


def personal_records(book: Rulebook) -> list[PersonalRecords]:
    """Return what is personal, parents first; sObjects without personal fields are left out."""
    found: dict[str, PersonalRecords] = {}
    active = {id(row) for row in book.active_rows()}
    for kind, rules in book.kinds.items():
        for row in rules.rows:
            if id(row) in active and (made := _of_row(row, rules, kind)) is not None:
                found[row.sobject] = _merged(found.get(row.sobject), made)
    return [records for records in found.values() if records.values or records.key_field]


def _of_row(row: RowRule, rules: KindRules, kind: Kind) -> PersonalRecords | None:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    key_field = ""
    for field in row.fields:
        is_personal = _is_personal(field.value, rules, kind, frozenset())
        if field.name == row.external_id:
            key_field = field.name if is_personal else ""
            is_order_key = not is_personal and kind is Kind.ORDER
            conditions += [f"{field.name} IN ({{keys}})"] if is_order_key else []
            conditions += [f"{field.name} IN ({{people}})"] if is_personal else []
        elif is_personal:
            values[field.name] = _replacement(field)
            if field.type.kind == "email":
                conditions.append(f"{field.name} = {{email}}")
    for parent in row.parents:
        if _is_personal(parent.value, rules, kind, frozenset()):
            conditions.append(f"{parent.relationship}.{parent.field} IN ({{people}})")
    if not conditions:
        return None
    return PersonalRecords(row.sobject, row.external_id, tuple(conditions), values, key_field)


def _merged(before: PersonalRecords | None, more: PersonalRecords) -> PersonalRecords:
    if before is None:
        return more
    return PersonalRecords(
        more.sobject,
        more.external_id,
        tuple(dict.fromkeys((*before.conditions, *more.conditions))),
        {**before.values, **more.values},
        before.key_field or more.key_field,
    )


def _replacement(field: FieldRule) -> Any:
    is_text = field.type.kind in ("text", "textarea")
    is_needed = field.is_required or field.name == "LastName"  # of an Account that is a person
    return ERASED if is_needed and is_text else None


def _is_personal(rule: ValueRule, rules: KindRules, kind: Kind, seen: frozenset[str]) -> bool:
    if rule.python:
        return True
    inner = {**rules.values, **(rule.each.values if rule.each else {})}
    scope = KindRules(inner, ()) if rule.each else rules
    return any(_is_personal_path(path, scope, kind, seen) for path in _paths(rule))


def _paths(rule: ValueRule) -> Iterator[str]:
    yield from (*rule.sources, *rule.map_by, *rule.or_else)
    yield from PLACEHOLDER.findall(rule.template or "")
    if rule.each is not None:
        yield rule.each.path
        yield from PLACEHOLDER.findall(rule.each.template)


def _is_personal_path(path: str, rules: KindRules, kind: Kind, seen: frozenset[str]) -> bool:
    segments = SEGMENT.findall(re.sub(r"\[[^\]]*\]", "", path.strip()))
    if not segments or CUSTOM in segments:
        return bool(segments)
    first, *rest = segments
    if first in ("$key", "$customer_key"):
        return first == "$customer_key" or kind is not Kind.ORDER
    if rest and rest[-1] not in PERSONAL:
        return False  # billing.country_id: of an address, but nobody's
    if rest:
        return True
    if first in rules.values and first not in seen:
        return _is_personal(rules.values[first], rules, kind, seen | {first})
    return first in PERSONAL
