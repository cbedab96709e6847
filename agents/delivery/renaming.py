"""A customer's e-mail is the key of their records; when it changes, the records change it. Pure.

The org remembers the store's id of each customer in `Magento_Customer_ID__c`. Found under it:

| the org has | a row of the customer's own event | a row of an order |
|---|---|---|
| a record with the row's key | goes to it | goes to it, unless another customer has it by now |
| one of this customer under another key | renames it, or is older and goes to it | goes to it |
| neither | creates its own | creates its own |
| a guest's record with the row's key | goes to it, with the id | goes to it, and gives it the id |

So an order that was placed under the old address, and is saved after the change, still meets its
customer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agents.delivery.candidates import Record
from agents.delivery.types import WriteSet
from agents.salesforce.api.composite import CUSTOMER_ID_FIELD, STALE_GUARD_FIELD
from agents.salesforce.api.record_updates import KeyUpdate
from agents.salesforce.api.soql import REST_ROOM, QueryRoom, fitting, is_same_text, quoted
from schemas.erasure import ERASED
from schemas.frozen import dataclass
from schemas.priority import Priority
from schemas.salesforce import Row

# Another customer's record has the address of a customer's own save: that one's own change, in
# another worker's partition, may be on its way. It is waited for, half a minute a look at first;
# then the record is taken for this customer's, as of one who was deleted and registered again.
ADDRESS_HELD = "the record of another customer has the address, who has not left it yet"
LOOKS, LOOKS_OF_WHO_HAS_A_RECORD = 5, 25

SECONDS = 19  # of an ISO time, its zone left away: both are UTC

Whose = tuple[str, str, str]  # a row's record, and its customer: an address may have had several


def whose(row: Row) -> Whose:
    """Return what a customer's row is looked for by."""
    return (*row.identity, row.customer_id)


@dataclass(frozen=True, slots=True)
class Renaming:
    """What is to be done before a row is written.

    `update` gives a record the row's key, `was` is the one it had; `key` is the one the row goes
    to instead of its own; `holder` is another customer, who had the row's key. `id` is the
    customer's record: an upsert would make a second one where another worker renames it meanwhile.
    `claim` gives a guest's record the id of the customer who has ordered under its address.
    """

    update: KeyUpdate | None = None
    was: str = ""
    key: str = ""
    note: str = ""
    holder: str = ""
    id: str = ""
    claim: KeyUpdate | None = None

    @property
    def is_new(self) -> bool:
        """Whether the org has no record of the customer."""
        return not (self.update or self.key or self.note or self.id)


NOTHING = Renaming()


def queries_for(
    rows: Sequence[Row], guarded: frozenset[str], room: QueryRoom = REST_ROOM
) -> Iterator[tuple[str, Sequence[Row]]]:
    """Yield (SOQL, the rows it looks for); rows of one sObject and key field each."""
    shapes: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        shapes.setdefault((row.sobject, row.external_id_field), []).append(row)
    for (sobject, key), members in shapes.items():
        times = [STALE_GUARD_FIELD] if sobject in guarded else []
        fields = ", ".join(["Id", "CreatedDate", key, CUSTOMER_ID_FIELD, *times])
        for part in fitting(members, lambda row: (row.customer_id, row.external_id), room):
            ids = ",".join(quoted(row.customer_id) for row in part)
            keys = ",".join(quoted(row.external_id) for row in part)
            where = f"{CUSTOMER_ID_FIELD} IN ({ids}) OR {key} IN ({keys})"
            yield f"SELECT {fields} FROM {sobject} WHERE {where}", part  # noqa: S608 - quoted


def renaming_of(row: Row, records: Iterable[Record], *, is_guarded: bool = False) -> Renaming:
    """Return what becomes of the records that were found for a row.

    `is_guarded`: the org refuses an older save, also one that another worker has overtaken since.
    """
    key = row.external_id_field
    held = [r for r in records if r.get(key) and not str(r[key]).startswith(ERASED)]
    theirs = [r for r in held if str(r.get(CUSTOMER_ID_FIELD) or "") == row.customer_id]
    others = [r for r in theirs if not is_same_text(r[key], row.external_id)]
    here = [r for r in held if is_same_text(r[key], row.external_id)]
    own = str(here[0]["Id"]) if len(here) == 1 and here[0] in theirs else ""
    holder = _holder(here, row) if row.is_own else ""
    if not others:
        if claim := _claim(here, row):
            return Renaming(id=claim.id, claim=claim)
        return Renaming(id=own, holder=holder) if own or holder else NOTHING
    record = max(others, key=lambda r: (_time(r), str(r.get("CreatedDate"))))
    found, was = str(record["Id"]), str(record[key])
    what = f"{row.sobject} {found}"
    is_older = row.is_own and bool(row.version) and _time(record) > row.version[:SECONDS]
    if is_older and (holder or not here):
        return Renaming(key=was, id=found)
    if here and (row.is_own or not all(_is_of_another(r, row) for r in here)):
        # A guest bought under the new address before. No API merges two records.
        note = f"{what}: this customer's too, under an earlier e-mail; merge the two in Salesforce"
        return Renaming(note=note if row.is_own else "", holder=holder, id=own)
    if not row.is_own:
        has = _other(was, row.external_id)
        return Renaming(key=was, note=f"{what}: its customer has another {has} by now", id=found)
    version = row.version if is_guarded else ""
    update = KeyUpdate(row.sobject, found, key, row.external_id, version)
    note = f"{what}: renamed, the customer's {_other(was, row.external_id)} has changed"
    return Renaming(update, was, note=note, id=found)


def _other(was: str, now: str) -> str:
    """Return what tells two keys of a customer from each other: a website may stand before it."""
    is_same_address = is_same_text(was.rpartition(":")[2], now.rpartition(":")[2])
    return "website" if is_same_address else "e-mail"


def _claim(here: Sequence[Record], row: Row) -> KeyUpdate | None:
    """Return what makes a guest's record a customer's: without an id no change of e-mail finds it.

    The customer's own save writes the id itself; an order only fills new records.
    """
    if row.is_own or len(here) != 1 or here[0].get(CUSTOMER_ID_FIELD):
        return None
    return KeyUpdate(row.sobject, str(here[0]["Id"]), CUSTOMER_ID_FIELD, row.customer_id)


def is_known(row: Row, records: Iterable[Record]) -> bool:
    """Whether the org has a record of the row's customer, under whatever key."""
    return any(str(r.get(CUSTOMER_ID_FIELD) or "") == row.customer_id for r in records)


def _holder(here: Sequence[Record], row: Row) -> str:
    """Return another customer whose record has the row's key.

    Two stores of one org number their customers each for itself: who has an address in both is one.
    """
    holder = str(here[0].get(CUSTOMER_ID_FIELD) or "") if here else ""
    is_of_this_store = _store_of(holder) == _store_of(row.customer_id)
    return holder if holder != row.customer_id and is_of_this_store else ""


def _store_of(customer_id: str) -> str:
    return customer_id.rpartition(":")[0]


def is_held(bundle: WriteSet, renamings: Mapping[Whose, Renaming]) -> bool:
    """Whether a customer's own save waits for another one to leave its address.

    A store that was set up anew has given all its customers other ids: read from there they do not
    wait.
    """
    return any(
        found.holder
        and (
            bundle.waited < LOOKS_OF_WHO_HAS_A_RECORD
            if found.note
            else bundle.waited < LOOKS and bundle.priority is Priority.LIVE
        )
        for row in bundle.rows
        if row.is_own and (found := renamings.get(whose(row), NOTHING))
    )


def _is_of_another(record: Record, row: Row) -> bool:
    return str(record.get(CUSTOMER_ID_FIELD) or row.customer_id) != row.customer_id


def follow(rows: Iterable[Row], renamings: dict[Whose, Renaming]) -> None:
    """Let the newest of a batch's saves say a record's key, and the batch's others go there.

    One call names a record once, and what was found is true until the first key is given.
    """
    if not any(one.update for one in renamings.values()):
        return
    rows = list(rows)
    moved: dict[Whose, str] = {}
    ids: dict[Whose, str] = {}
    for at in {_record_of(row, found) for row, found in _found(rows, renamings) if found.update}:
        saves = [
            row
            for row, found in _found(rows, renamings)
            if row.is_own and _record_of(row, found) == at
        ]
        newest = max(saves, key=lambda row: row.version)
        moved[at], ids[at] = newest.external_id, renamings[whose(newest)].id
        for row in saves:
            if row is not newest:
                renamings[whose(row)] = Renaming(key=newest.external_id, id=ids[at])
    for row, found in _found(rows, renamings):
        key = moved.get(_record_of(row, found), "")
        if key and found.update is None and not is_same_text(row.external_id, key):
            renamings[whose(row)] = Renaming(key=key, id=found.id)


def behind_others(bundles: Sequence[WriteSet], renamings: Mapping[Whose, Renaming]) -> set[int]:
    """Return the places of bundles that are to be looked for again when the others are written.

    Theirs is a second address of a customer new to the org, which would make a second record; or
    one that its record leaves in this batch, whoever comes there next.
    """
    if not _may_wait(renamings):
        return set()
    rows = sorted(_found((r for b in bundles for r in b.rows), renamings), key=_is_of_an_order)
    movers = {row.customer_id for row, _ in rows if row.is_own} - {""}
    left = {(row.sobject, found.was.casefold()) for row, found in rows if found.update}
    first: dict[tuple[str, str], Row] = {}  # a customer's own rows before those of orders
    waiting: set[int] = set()
    for row, found in rows:
        is_new = whose(row) in renamings and found.is_new
        leader = first.setdefault((row.sobject, row.customer_id), row) if is_new else row
        is_left = row.identity in left and not found.key
        if leader.identity != row.identity or is_left or found.holder in movers:
            waiting.add(id(row))
    behind = {at for at, one in enumerate(bundles) if any(id(row) in waiting for row in one.rows)}
    return behind if len(behind) < len(bundles) else set()


def _may_wait(renamings: Mapping[Whose, Renaming]) -> bool:
    """Whether a row may have to stand behind another: an address changes hands, or one has two."""
    if any(one.update or one.holder for one in renamings.values()):
        return True
    new = [(at[0], at[2]) for at, one in renamings.items() if one is NOTHING or one.is_new]
    return len(set(new)) < len(new)


def _is_of_an_order(at: tuple[Row, Renaming]) -> bool:
    return not at[0].is_own


def _found(
    rows: Iterable[Row], renamings: Mapping[Whose, Renaming]
) -> Iterator[tuple[Row, Renaming]]:
    return ((row, renamings.get(whose(row), NOTHING)) for row in rows)


def _record_of(row: Row, found: Renaming) -> Whose:
    """Return the record that a row is about, by the key that it had when it was looked for."""
    return row.sobject, (found.was or found.key or row.external_id).casefold(), row.customer_id


def redirected(bundle: WriteSet, renamings: Mapping[Whose, Renaming]) -> WriteSet:
    """Return the bundle with the rows, links and lock of the keys that its records have."""
    found = [renamings.get(whose(row), NOTHING) for row in bundle.rows]
    if any(one.id for one in found):  # the records that the org named
        known = [
            dataclasses.replace(row, record_id=one.id) if one.id else row
            for row, one in zip(bundle.rows, found, strict=True)
        ]
        bundle = dataclasses.replace(bundle, rows=tuple(known))
    targets = {
        row.identity: one.key for row, one in zip(bundle.rows, found, strict=True) if one.key
    }
    if not targets:
        return bundle
    rows = tuple(_row(row, targets) for row in bundle.rows)
    lock_key = targets.get(("Account", bundle.lock_key.casefold()), bundle.lock_key).lower()
    return dataclasses.replace(bundle, rows=rows, lock_key=lock_key)


def _row(row: Row, targets: Mapping[tuple[str, str], str]) -> Row:
    return dataclasses.replace(
        row,
        external_id=targets.get(row.identity, row.external_id),
        fields=_linked(row.fields, targets),
        insert_fields=_linked(row.insert_fields, targets),
    )


def _linked(fields: Mapping[str, Any], targets: Mapping[tuple[str, str], str]) -> Mapping[str, Any]:
    changed = {
        name: {link: targets[name, str(key).casefold()]}
        for name, value in fields.items()
        if isinstance(value, Mapping)
        for link, key in value.items()
        if (name, str(key).casefold()) in targets
    }
    return {**fields, **changed} if changed else fields


def _time(record: Record) -> str:
    return str(record.get(STALE_GUARD_FIELD) or "")[:SECONDS]
