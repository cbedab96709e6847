"""A person's records in the org: found by the mapping, written over, children before parents.

Children first, because they are found through their parents: a run that was cut off finds the rest.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from urllib.parse import quote

from orjson import dumps

from agents.erasure.personal import PersonalRecords
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import CUSTOMER_ID_FIELD
from agents.salesforce.api.soql import fitting
from agents.salesforce.api.stale_guard import taking
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from schemas.email import in_one_spelling, stored_forms
from schemas.erasure import ERASED
from schemas.person import Person

# What the next record would meet as well.
EVERYBODYS = frozenset(
    {ErrorKind.TRANSIENT, ErrorKind.AUTH, ErrorKind.QUOTA, ErrorKind.CONCURRENCY}
)
DELETED = "ENTITY_IS_DELETED"


@dataclass(slots=True)
class PersonRecords:
    """Record ids by sObject with what is personal in them; `order_keys` are the orders' keys."""

    found: dict[str, tuple[PersonalRecords, list[str]]] = field(default_factory=dict)
    order_keys: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        return sum(len(ids) for _, ids in self.found.values())


async def find_records(
    client: OrgClient,
    personal: Sequence[PersonalRecords],
    emails: Sequence[str],
    order_keys: Iterable[str],
    people: Sequence[str] = (),
) -> PersonRecords:
    """Return the records of addresses, of their customers' keys and of these orders.

    Salesforce compares without case, and each Unicode form is asked for. It may take `strauß` for
    `strauss`, who is somebody else and stays. Raises SalesforceError.
    """
    records, order_keys = PersonRecords(), tuple(order_keys)
    wanted = frozenset(map(in_one_spelling, (*emails, *people, *order_keys)))
    spellings = sorted({form for email in emails for form in stored_forms(email)})
    for kind in personal:
        ids: dict[str, None] = {}
        known = sorted({*order_keys, *records.order_keys})  # of orders that Kafka forgot, too
        key_lists = list(fitting(known, lambda key: (key,))) or [[]]
        for email, keys in product(spellings, key_lists):
            soql = kind.soql(email, keys, people)
            async for record in client.query(soql) if soql else _nothing():
                if _is_somebody_elses(record, kind, wanted):
                    continue
                ids[str(record["Id"])] = None
                if kind.names_orders and record.get(kind.external_id):
                    records.order_keys.add(str(record[kind.external_id]))
        if ids:
            records.found[kind.sobject] = (kind, list(ids))
    return records


def _is_somebody_elses(
    record: dict[str, Any], kind: PersonalRecords, wanted: frozenset[str]
) -> bool:
    """Whether it was found only because its letters fold to those of a wanted address or key."""
    names = (kind.external_id, *kind.email_fields)
    held = {in_one_spelling(str(record[name])) for name in names if record.get(name)}
    folded = {one.casefold() for one in wanted}
    return not held & wanted and any(one.casefold() in folded for one in held)


async def _nothing() -> AsyncIterator[dict[str, Any]]:
    """No orders, so no lines of them."""
    return
    yield


@dataclass(slots=True)
class Anonymised:
    """How many records were written over; `refused` is (sObject, id, why) of the others."""

    written: int = 0
    refused: list[tuple[str, str, str]] = field(default_factory=list)


async def anonymise(client: OrgClient, records: PersonRecords) -> Anonymised:
    """Write over what is personal. Raises SalesforceError when nobody would be let through.

    Done twice it changes nothing more, except that external IDs become other random ones. The
    store's id of the customer goes as well: by it, a later event would rename the record back.
    A record that is refused (locked, or a rule of the org) costs only itself and its parents, by
    which it must be found again; one that was deleted meanwhile holds nobody.
    """
    done = Anonymised()
    described = {sobject: await client.describe(sobject) for sobject in records.found}
    identified = taking(described, CUSTOMER_ID_FIELD)
    for sobject, (kind, ids) in reversed(records.found.items()):
        for record_id in ids:
            values = dict(kind.values)
            if kind.key_field:
                values[kind.key_field] = f"{ERASED}{secrets.token_hex(12)}"
            if sobject in identified:
                values[CUSTOMER_ID_FIELD] = None
            try:
                await client.update(sobject, record_id, values)
            except SalesforceError as error:
                if error.is_not_found or error.code == DELETED:
                    continue
                if error.kind in EVERYBODYS:
                    raise
                done.refused.append((sobject, record_id, error.code or str(error.status)))
                continue
            done.written += 1
        if done.refused:
            break
    return done


async def still_naming(
    client: OrgClient, person: Person, records: PersonRecords
) -> list[tuple[str, str, str]]:
    """Return (sObject, id, fields) of records that name a person: read anew, with all fields.

    What an earlier mapping wrote, a colleague typed or a flow put back. Raises SalesforceError.
    """
    found = []
    for sobject, (_, ids) in records.found.items():
        for record_id in ids:
            try:
                record = await client.read("retrieve", f"sobjects/{sobject}/{quote(record_id)}")
            except SalesforceError as error:
                if error.is_not_found or error.code == DELETED:
                    continue
                raise
            texts = {name: value for name, value in record.items() if isinstance(value, str)}
            named = [n for n, value in texts.items() if person.is_named_in(dumps({n: value}))]
            if named:
                found.append((sobject, record_id, ", ".join(named)))
    return found
